"""A file that is read while it is fetched: network and processor work at the same time.

A thread fetches, and says how far it is; whoever reads follows it through the file, and learns when what was there
begins anew. Nothing is stored before the file is whole and proven.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from flows.lake.web.answers import WebAnswer
from flows.lake.web.errors import FetchFailed

STOP_S = 5.0
"""How long a fetch that nobody waits for is waited for; it writes to a file that is gone then."""

Told = Callable[[int], None]


class Arrival:
    """A fetch that is under way."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._there: int | None = None
        self._starts = 1
        self._over = self._stopped = False
        self._answer: WebAnswer | None = None
        self._error: BaseException | None = None

    @property
    def starts(self) -> int:
        """How often the file began: more than once where the server could not go on where it was cut."""
        with self._changed:
            return self._starts

    def begins(self) -> bool:
        """Wait until the server sends a file; `False` where it says that the known one is unchanged.

        Raises:
            WebError: It does neither.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._over or self._there is not None)
            self._check()
            return not self._over or self._answer is not None

    def beyond(self, offset: int) -> int:
        """Wait until more is there than so many bytes, or the file is whole; returns how many are there.

        Raises:
            WebError: It cannot be had.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._over or (self._there or 0) > offset)
            self._check()
            return self._there or 0

    def end(self) -> WebAnswer:
        """Wait until the file is whole; returns what its server said of it.

        Raises:
            WebError: It cannot be had.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._over)
            self._check()
            if self._answer is None:
                raise RuntimeError("an unchanged file was waited for")
            return self._answer

    def _check(self) -> None:
        if self._error:
            raise self._error

    def run(self, fetch: Callable[[Told], WebAnswer | None]) -> None:
        """Fetch; what goes wrong is raised where somebody waits."""
        answer, problem = None, None  # of any kind, or those who wait would wait for ever
        try:
            answer = fetch(self._told)
        except BaseException as error:
            problem = error
        with self._changed:
            self._over, self._answer, self._error = True, answer, problem
            self._changed.notify_all()

    def _told(self, there: int) -> None:
        with self._changed:
            if self._stopped:
                raise FetchFailed("The file is not waited for any more.")
            if there < (self._there or 0):
                self._starts += 1
            self._there = there
            self._changed.notify_all()

    def stop(self) -> None:
        """End the fetch with its next bytes."""
        with self._changed:
            self._stopped = True


@contextmanager
def arriving(fetch: Callable[[Told], WebAnswer | None]) -> Iterator[Arrival]:
    """Have something fetched by a thread while the block runs.

    Args:
        fetch: Fetches it, and calls what it is given with how many bytes are there.
    """
    arrival = Arrival()
    thread = threading.Thread(target=arrival.run, args=(fetch,), name="fetch", daemon=True)
    thread.start()
    try:
        yield arrival
    finally:
        arrival.stop()
        thread.join(STOP_S)
