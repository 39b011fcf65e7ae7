"""A source file that is still being fetched: its reader waits where the bytes end, until more are there."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import IO

from flows.lake.errors import SourceChanged
from flows.lake.models import Progress
from flows.lake.tables.csv_source import READ_BYTES, CsvSource
from flows.lake.web.arrival import Arrival


class _Following(io.RawIOBase):
    """The bytes of a file as far as they are there."""

    def __init__(self, file: IO[bytes], path: Path, arrival: Arrival) -> None:
        self._file = file
        self._path = path
        self._arrival = arrival
        self._starts = arrival.starts
        self._at = 0

    def read(self, size: int = -1) -> bytes:
        there = self._arrival.beyond(self._at)
        data = self._file.read(min(size if size >= 0 else READ_BYTES, there - self._at))
        if self._arrival.starts != self._starts:  # asked after the reading: a new start is told before it is made
            raise SourceChanged(f"{self._path} begins anew.", path=self._path)
        self._at += len(data)
        return data


class ArrivingSource(CsvSource):
    """A file that is read while it is fetched.

    Args:
        path: Where it is written.
        arrival: Its fetch.
        progress: Called with bytes done and bytes in all, as far as those are known.

    Raises:
        SourceChanged: When it is read: it is fetched from the start once more.
        WebError: When it is finished: it cannot be had.
    """

    def __init__(self, path: Path, arrival: Arrival, progress: Progress | None = None) -> None:
        super().__init__(path)
        self._arrival = arrival
        self._follow(_Following(self._file, path, arrival), progress)

    def finish(self) -> None:
        """Wait for the end, and prove that all of it was read."""
        self._arrival.end()
        self._before = os.fstat(self._file.fileno())
        super().finish()
