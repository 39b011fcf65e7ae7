"""The bytes of an archive, read at any place, and the refusal of an archive that they do not make."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from flows.lake.errors import CsvRejected

FETCH_AGAIN = "The file is damaged or cut off: fetch it again."
ASK = "Do not unpack it: ask its source for an archive made by a usual tool."


@dataclass(frozen=True)
class ArchiveBytes:
    """An open archive.

    Attributes:
        path: The archive, for messages.
        size_bytes: Its size.
        read_at: Reads so many bytes from a position on; fewer only at the end.
    """

    path: Path
    size_bytes: int
    read_at: Callable[[int, int], bytes]

    def exactly(self, at: int, length: int) -> bytes:
        """Return so many bytes.

        Raises:
            CsvRejected: There are fewer.
        """
        data = self.read_at(at, length) if length else b""
        if len(data) < length:
            raise self.refused("it is cut off", FETCH_AGAIN)
        return data

    def refused(self, reason: str, remedy: str) -> CsvRejected:
        """Return the error that says why the archive is refused."""
        return CsvRejected(self.path, f"{reason}.", remedy=remedy)
