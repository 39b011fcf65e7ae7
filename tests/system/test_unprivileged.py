"""Runs the tests of files without read permission also where the user is root, as in containers and CI."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import may_read_everything

PROJECT = Path(__file__).parents[2]


@pytest.mark.skipif(not may_read_everything(), reason="the tests themselves run: this user may not read everything")
@pytest.mark.skipif(not shutil.which("setpriv"), reason="setpriv (util-linux) is not installed")
def test_unprivileged_tests_pass_without_the_right_to_read_everything() -> None:
    pytest_command = [sys.executable, "-m", "pytest", "-q", "-m", "unprivileged", "-p", "no:cacheprovider"]
    done = subprocess.run(
        ["setpriv", "--bounding-set=-dac_override,-dac_read_search", *pytest_command, "tests/unit", "tests/flows"],
        cwd=PROJECT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=400,
    )
    assert done.returncode == 0, done.stdout[-3000:]
    assert re.search(r"\b4 passed, \d+ deselected", done.stdout), done.stdout[-500:]
