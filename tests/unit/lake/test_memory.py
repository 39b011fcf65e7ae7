"""Freed memory is kept for the next block of text; what a process holds when its work begins is not collected."""

from __future__ import annotations

import contextlib
import gc
import platform
import subprocess
import sys

import pytest

from flows.lake.memory import SELDOM, seldom_collected

PAGES = """
import resource, sys
from flows.lake.memory import reuse_freed_memory
if sys.argv[1] == "yes":
    assert reuse_freed_memory()
def work():
    blocks = [b"x" * (3 << 20) for _ in range(4)]
def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    work()
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
faults()
print(min(faults() for _ in range(3)))
"""


def pages_of_fresh_memory(told: str) -> int:
    run = subprocess.run([sys.executable, "-c", PAGES, told], capture_output=True, text=True, check=True)
    return int(run.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc's malloc can be told")
def test_reuse_freed_memory_blocks_come_out_of_what_was_freed() -> None:
    assert pages_of_fresh_memory("yes") < 100 < 1_000 < pages_of_fresh_memory("no")


FROZEN = """
import gc
from flows.lake.memory import leave_out_of_collections, seldom_collected
usual = gc.get_threshold()
with seldom_collected():
    leave_out_of_collections()
    assert gc.get_threshold() == usual
held = gc.get_freeze_count()
later = [[] for _ in range(1000)]
leave_out_of_collections()
print(held > 1000, gc.get_freeze_count() == held)
"""


def test_leave_out_of_collections_takes_what_there_is_at_the_first_call_and_no_more() -> None:
    run = subprocess.run([sys.executable, "-c", FROZEN], capture_output=True, text=True, check=True)
    assert run.stdout == "True True\n"


def test_seldom_collected_puts_the_threshold_back_also_after_an_error() -> None:
    before = gc.get_threshold()
    with contextlib.suppress(ValueError), seldom_collected():
        assert gc.get_threshold() == (SELDOM, *before[1:])
        raise ValueError
    assert gc.get_threshold() == before
