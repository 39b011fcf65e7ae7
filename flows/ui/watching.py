"""Who watches the files of a run in this process: the terminal's table of `make ingest`, where there is one.

The run says where each file is, whether or not anybody watches; in worker processes and on other machines nobody does.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from typing import Protocol


class Watcher(Protocol):
    """What is told of files; from any thread."""

    def expect(self, files: Iterable[tuple[str, str, int]]) -> None:
        """Hear of files that wait: what tells each from the others, its title and its size in bytes."""

    def step(self, key: str, step: str, done: int = 0, total: int = 0) -> None:
        """Hear that a file is at a step, and how many bytes of it are done."""

    def end(self, key: str, title: str, state: str, *, bad: bool = False) -> None:
        """Hear how a file's way ended."""


_watchers: list[Watcher] = []


@contextlib.contextmanager
def watched_by(watcher: Watcher) -> Iterator[None]:
    """Have somebody watch the runs of this process while the block runs."""
    _watchers.append(watcher)
    try:
        yield
    finally:
        _watchers.remove(watcher)


def expect(files: Iterable[tuple[str, str, int]]) -> None:
    """Say which files there are."""
    for watcher in _watchers:
        watcher.expect(files)


def step(key: str, at: str, done: int = 0, total: int = 0) -> None:
    """Say that a file is at a step."""
    for watcher in _watchers:
        watcher.step(key, at, done, total)


def end(key: str, title: str, state: str, *, bad: bool = False) -> None:
    """Say how a file's way ended."""
    for watcher in _watchers:
        watcher.end(key, title, state, bad=bad)
