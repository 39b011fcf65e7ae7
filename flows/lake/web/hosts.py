"""How many files are fetched from one host at a time, whatever processes of this machine ask it."""

from __future__ import annotations

import fcntl
import hashlib
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

AT_ONCE = 2
"""Portals of authorities are small; what a browser would do is welcome."""

_LOOK_AGAIN_S = 0.2


@contextmanager
def place_at(host: str, sleep: Callable[[float], None] = time.sleep) -> Iterator[None]:
    """Hold one of a host's places while the block runs; waits for one.

    A place is a lock on an empty file, which the system gives back when its process ends in any way.
    """
    folder = Path(tempfile.gettempdir(), f"ingest-raw-hosts-{os.getuid()}")
    folder.mkdir(mode=0o700, exist_ok=True)
    name = hashlib.sha256(host.lower().encode()).hexdigest()[:16]
    files = [(folder / f"{name}.{number}").open("w") for number in range(AT_ONCE)]
    try:
        while not any(_locked(file.fileno()) for file in files):
            sleep(_LOOK_AGAIN_S)
        yield
    finally:
        for file in files:
            file.close()


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
