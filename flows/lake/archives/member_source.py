"""A member of an archive as something that a table is read from, like a file of its own."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from awscrt.checksums import crc64nvme

from flows.lake.archives.archive_bytes import ArchiveBytes
from flows.lake.archives.content import MemberContent
from flows.lake.archives.directory import Entry
from flows.lake.s3.content import checksum_text
from flows.lake.units import KIB

READ_BYTES = 256 * KIB


class MemberSource:
    """A member that is read once, from its start; size and digests are of its content.

    Args:
        archive: The archive, which stays open.
        entry: The member.
        mtime_ns: The archive's modification time, in nanoseconds since the epoch.
        progress: Called with the bytes of content read by each reading.
    """

    compression: str | None = None

    def __init__(
        self, archive: ArchiveBytes, entry: Entry, mtime_ns: int, progress: Callable[[int], None] | None = None
    ) -> None:
        self.path = Path(archive.path, entry.name)
        self._content = MemberContent(archive, entry)
        self._entry = entry
        self._mtime_ns = mtime_ns
        self._progress = progress
        self._sha256 = hashlib.sha256()
        self._crc = 0

    def __enter__(self) -> MemberSource:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        pass

    def decompress(self) -> None:
        """Do nothing: the content is read as the archive holds it."""

    def read(self, size: int = READ_BYTES) -> bytes:
        """Return up to `size` bytes of content, none of it at the end.

        Raises:
            CsvRejected: The member is damaged.
        """
        data = self._content.read(size)
        self._sha256.update(data)
        self._crc = crc64nvme(data, self._crc)
        if self._progress and data:
            self._progress(len(data))
        return data

    def finish(self) -> None:
        """Read what is left, which proves size and CRC-32.

        Raises:
            CsvRejected: The member is damaged.
        """
        while self.read():
            pass

    @property
    def size_bytes(self) -> int:
        """The size of its content."""
        return self._entry.size_bytes

    @property
    def mtime_ns(self) -> int:
        """The archive's modification time, in nanoseconds since the epoch."""
        return self._mtime_ns

    @property
    def sha256(self) -> str:
        """SHA-256 of the content read so far, hexadecimal."""
        return self._sha256.hexdigest()

    @property
    def crc64nvme(self) -> str:
        """CRC-64/NVME of the content read so far, as S3 writes it."""
        return checksum_text(self._crc)
