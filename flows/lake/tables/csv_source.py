"""Owns the one read of a source file: its bytes, their digests, their decompression.

The file is opened once and each byte is read once; SHA-256 and CRC-64/NVME are taken of the bytes as they are stored,
before any decompression, since they are compared with what S3 keeps. `fstat` of the same descriptor before the first
byte and after the last proves that nobody wrote to the file in between. What the bytes mean is left to
`flows.lake.dialect.encoding` and the modules after it.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import os
import zlib
from pathlib import Path
from types import TracebackType
from typing import IO, Protocol

from awscrt.checksums import crc64nvme

from flows.lake.errors import CsvRejected, SourceChanged, SourceError, SourceNotFound, SourceUnreadable
from flows.lake.models import Progress
from flows.lake.opening import open_regular
from flows.lake.units import KIB, MIB

READ_BYTES = 256 * KIB
ZSTD_WINDOW_BYTES = 128 * MIB


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


class Source(Protocol):
    """What a table is read from: a file, or a member of an archive; a context manager, read once."""

    path: Path
    compression: str | None

    def __enter__(self) -> Source: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None: ...

    def decompress(self) -> None:
        """Read the content through the decompressor that it needs."""

    def read(self, size: int = ...) -> bytes:
        """Return up to so many bytes of content, none at the end."""

    def finish(self) -> None:
        """Read what is left, and prove that nothing changed."""

    @property
    def size_bytes(self) -> int:
        """Its size."""

    @property
    def mtime_ns(self) -> int:
        """When it was modified, in nanoseconds since the epoch."""

    @property
    def sha256(self) -> str:
        """SHA-256 of its bytes, hexadecimal."""

    @property
    def crc64nvme(self) -> str:
        """CRC-64/NVME of its bytes, base64."""


class _HashedFile(io.RawIOBase):
    """An open file whose every byte goes through both digests on its way."""

    def __init__(self, file: IO[bytes] | io.RawIOBase, size_bytes: int, progress: Progress | None) -> None:
        self._file = file
        self._total = size_bytes
        self._progress = progress
        self._sha256 = hashlib.sha256()
        self._crc = 0
        self.done_bytes = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        data = self._file.read(len(buffer)) or b""
        buffer[: len(data)] = data
        return self._take(data)

    def read(self, size: int | None = -1) -> bytes:
        data = self._file.read(READ_BYTES if size is None or size < 0 else size) or b""
        self._take(data)
        return data

    def _take(self, data: bytes) -> int:
        if data:
            self._sha256.update(data)
            self._crc = crc64nvme(data, self._crc)
            self.done_bytes += len(data)
            if self._progress:
                self._progress(self.done_bytes, max(self._total, self.done_bytes))
        return len(data)

    @property
    def sha256(self) -> str:
        return self._sha256.hexdigest()

    @property
    def crc64nvme(self) -> str:
        return base64.b64encode(self._crc.to_bytes(8, "big")).decode("ascii")


class _ZstdDamaged(Exception):
    """A Zstandard stream that is damaged or ends too early."""


class _ZstdContent:
    """The content of Zstandard frames, one after the other.

    zstandard's own stream reader takes a stream that was cut off for one that ends; its incremental object knows. The
    pieces it is fed are small since two kilobytes may unfold to 64 MIB.
    """

    def __init__(self, file: _HashedFile) -> None:
        import zstandard  # only for these files: the import costs every other run some milliseconds

        self._file = file
        self._error = zstandard.ZstdError
        self._decompressor = zstandard.ZstdDecompressor(max_window_size=ZSTD_WINDOW_BYTES)
        self._frame = self._decompressor.decompressobj()
        self._raw = b""
        self._ready = bytearray()
        self._inside = True

    def read(self, size: int, /) -> bytes:
        while len(self._ready) < size and self._unfold():
            pass
        data = bytes(self._ready[:size])
        del self._ready[:size]
        return data

    def _unfold(self) -> bool:
        """Decompress a little more; return whether there was more."""
        self._raw = self._raw or self._file.read(READ_BYTES)
        if not self._raw:
            if self._inside:
                raise _ZstdDamaged("it ends in the middle")
            return False
        if not self._inside:
            self._frame, self._inside = self._decompressor.decompressobj(), True
        piece, self._raw = self._raw[: 2 * KIB], self._raw[2 * KIB :]
        try:
            self._ready += self._frame.decompress(piece)
        except self._error as error:
            raise _ZstdDamaged(str(error)) from error
        if self._frame.eof:
            self._raw = self._frame.unused_data + self._raw
            self._inside = False
        return True


class CsvSource:
    """A source file that is open for its one read; a context manager.

    Args:
        path: The file; a name that ends in `.gz` or `.zst` is decompressed while it is read.
        progress: Called with bytes done and bytes in all, of the file as it is stored, after every read.
        root: The folder out of which no link may lead; links lead anywhere without one.

    Raises:
        LinkLeadsOut: A link on the way to it leads out of the root.
        SourceNotFound: There is no such file.
        SourceUnreadable: This process may not read it.
        SourceError: It is not a regular file.
    """

    def __init__(self, path: Path, progress: Progress | None = None, root: Path | None = None) -> None:
        self.path = path
        self.compression = {".gz": "gzip", ".zst": "zstd"}.get(path.suffix.lower())
        try:
            self._file = os.fdopen(open_regular(path, root), "rb", buffering=0)
        except SourceError:
            raise
        except FileNotFoundError as error:
            raise SourceNotFound(f"{path} does not exist.", path=path) from error
        except PermissionError as error:
            raise SourceUnreadable(
                f"{path} cannot be read: permission denied.",
                remedy="Give the user that runs the worker read access to it.",
                path=path,
            ) from error
        except OSError as error:
            raise SourceError(f"{path} cannot be opened: {error.strerror}.", path=path) from error
        self._before = os.fstat(self._file.fileno())
        self._hashed = _HashedFile(self._file, self._before.st_size, progress)
        self._content: _Readable = self._hashed

    def _follow(self, file: io.RawIOBase, progress: Progress | None) -> None:
        """Read the file's bytes through another object."""
        self._content = self._hashed = _HashedFile(file, self._before.st_size, progress)

    def __enter__(self) -> CsvSource:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._file.close()

    def read_at(self, offset: int, length: int) -> bytes:
        """Return bytes from any place of the file, fewer only at its end; they go through no digest.

        Raises:
            SourceError: The operating system could not read them.
        """
        pieces = []
        try:
            while length > 0 and (piece := os.pread(self._file.fileno(), length, offset)):
                pieces.append(piece)
                offset, length = offset + len(piece), length - len(piece)
        except OSError as error:
            raise SourceError(f"{self.path} could not be read to its end: {error}.", path=self.path) from error
        return b"".join(pieces)

    def decompress(self) -> None:
        """Read the content through the decompressor that the file's name asks for."""
        if self.compression == "gzip":
            self._content = gzip.GzipFile(fileobj=io.BufferedReader(self._hashed, READ_BYTES), mode="rb")
        elif self.compression == "zstd":
            self._content = _ZstdContent(self._hashed)

    def read(self, size: int = READ_BYTES) -> bytes:
        """Return up to `size` bytes of content, none of it at the end.

        Raises:
            CsvRejected: The compressed file is damaged or no such file.
            SourceError: The operating system could not read on.
        """
        try:
            return self._content.read(size)
        except (EOFError, zlib.error, gzip.BadGzipFile, _ZstdDamaged) as error:
            raise self._damaged(error) from error
        except OSError as error:
            raise SourceError(f"{self.path} could not be read to its end: {error}.", path=self.path) from error

    def _damaged(self, error: Exception) -> CsvRejected:
        return CsvRejected(
            self.path,
            f"it cannot be decompressed as {self.compression}: {str(error).rstrip('.')}.",
            byte=self._hashed.done_bytes,
            remedy="The file is damaged, cut off, or is not what its name says: fetch it again.",
        )

    def finish(self) -> None:
        """Read what is left, so that the digests are of the whole file, and prove that it did not change meanwhile.

        Raises:
            SourceChanged: Its size or modification time is not what it was, or another number of bytes was read.
        """
        while self._hashed.read(READ_BYTES):
            pass
        after = os.fstat(self._file.fileno())
        before = self._before
        if (after.st_size, after.st_mtime_ns) != (before.st_size, before.st_mtime_ns) or (
            self._hashed.done_bytes != before.st_size
        ):
            raise SourceChanged(
                f"{self.path} changed while it was read: {before.st_size:,} bytes at the start, "
                f"{after.st_size:,} at the end, {self._hashed.done_bytes:,} read.",
                remedy="It is still being written: start the run again when it is complete.",
                path=self.path,
            )

    @property
    def size_bytes(self) -> int:
        """The file's size when it was opened."""
        return self._before.st_size

    @property
    def mtime_ns(self) -> int:
        """The file's modification time when it was opened, in nanoseconds since the epoch."""
        return self._before.st_mtime_ns

    @property
    def sha256(self) -> str:
        """SHA-256 of the bytes read so far, hexadecimal."""
        return self._hashed.sha256

    @property
    def crc64nvme(self) -> str:
        """CRC-64/NVME of the bytes read so far: base64 of its eight bytes, big end first, as S3 writes it."""
        return self._hashed.crc64nvme
