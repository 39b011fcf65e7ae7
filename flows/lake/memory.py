"""How this process keeps memory: what its C library does with the freed, what Python's garbage collector looks at.

The work needs the same few megabytes over and over. glibc gives each thread a heap of its own, and gives freed memory
back to the system as soon as it can: blocks of text are then fresh memory each time, zeroed page by page, which takes a
fifth of the time of reading them, and each thread of a run keeps what another one could use. Measured in
docs/decisions/0032-memory.md.
"""

from __future__ import annotations

import ctypes
import functools
import gc
from collections.abc import Iterator
from contextlib import contextmanager

from flows.lake.units import MIB

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8  # malloc.h

KEEP_FREED_BYTES = 32 * MIB
OWN_MAPPING_BYTES = 16 * MIB
"""Blocks from this size on go back to the system when they are freed, whatever is kept."""

HEAPS = 2

SELDOM = 50_000
"""New objects before Python looks for circles among them; 700 by default."""

_USUAL = gc.get_threshold()


@functools.cache
def reuse_freed_memory() -> bool:
    """Have freed memory kept for reuse, and shared by threads; returns whether the C library can be told (glibc can).

    Settings of the environment (`MALLOC_ARENA_MAX` and the like) are replaced.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    settings = {
        _M_ARENA_MAX: HEAPS,
        _M_MMAP_THRESHOLD: OWN_MAPPING_BYTES,
        _M_TRIM_THRESHOLD: KEEP_FREED_BYTES,
    }
    return all(mallopt(ctypes.c_int(name), ctypes.c_int(value)) for name, value in settings.items())


@functools.cache
def leave_out_of_collections() -> None:
    """Leave what the process holds by now out of garbage collections for good; the first call counts.

    From then on Python looks for circles as often as usual, also where it did so seldom until then.

    Modules are a million objects here, which Python would look at again each time that a quarter more have come: half a
    second of a run of 10,000 files that have not changed.
    """
    gc.freeze()
    gc.set_threshold(*_USUAL)


@contextmanager
def seldom_collected() -> Iterator[None]:
    """Have Python look for circles of objects less often while a block runs that makes many and leaves none.

    Answers of S3 and manifests are large trees without circles: looking for some is half of what it costs to read them.
    So are modules while they load: a quarter of the time that Prefect's server takes to start.
    """
    before = gc.get_threshold()
    gc.set_threshold(SELDOM, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
