"""A source file, opened once: whatever happens to its path, a run reads one file and notices when it changes.

A path that is opened again for every part reads whatever lies there at that moment, so that an object can become a
mixture of two files. Here one descriptor serves the whole upload; what it reads is compared with the profile's
checksum by the caller, and `check` compares size, time and place with what they were.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flows.lake.errors import SourceChanged, SourceError, SourceUnreadable
from flows.lake.opening import open_regular
from flows.lake.units import MIB

CHUNK_BYTES = 1 * MIB
REMEDY = "Let the program that writes it finish (write elsewhere and move it in), then start the run again."


class OpenedSource:
    """An open source file; positions are in bytes from its start, and reading moves no pointer."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self._descriptor = descriptor
        self._opened = os.fstat(descriptor)

    @property
    def title(self) -> str:
        """What messages call it."""
        return str(self.path)

    @property
    def size_bytes(self) -> int:
        """The size when the file was opened."""
        return self._opened.st_size

    @property
    def mtime_ns(self) -> int:
        """The modification time when the file was opened, in nanoseconds since the epoch."""
        return self._opened.st_mtime_ns

    def read_at(self, offset: int, length: int) -> bytes:
        """Read exactly `length` bytes.

        Raises:
            SourceChanged: The file has become shorter.
            SourceError: The file system cannot read it.
        """
        pieces: list[bytes] = []
        while length > 0:
            try:
                piece = os.pread(self._descriptor, length, offset)
            except OSError as error:
                raise SourceError(f"{self.path} cannot be read: {error.strerror}.", path=self.path) from error
            if not piece:
                raise self.changed("it has become shorter")
            pieces.append(piece)
            offset += len(piece)
            length -= len(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def chunks(self) -> Iterator[bytes]:
        """Yield the bytes from start to end, a chunk at a time."""
        for offset in range(0, self.size_bytes, CHUNK_BYTES):
            yield self.read_at(offset, min(CHUNK_BYTES, self.size_bytes - offset))

    def check(self) -> None:
        """Make sure that the file is still the one that was opened, and as it was.

        Raises:
            SourceChanged: It was written to, cut, replaced or deleted.
        """
        now = os.fstat(self._descriptor)
        if (now.st_size, now.st_mtime_ns) != (self._opened.st_size, self._opened.st_mtime_ns):
            raise self.changed("it was written to while it was read")
        try:
            at_path = self.path.stat()
        except OSError as error:
            raise self.changed("it was moved or deleted while it was read") from error
        if (at_path.st_dev, at_path.st_ino) != (now.st_dev, now.st_ino):
            raise self.changed("it was replaced while it was read")

    def changed(self, how: str) -> SourceChanged:
        """Return the error that says how the file changed."""
        return SourceChanged(f"{self.path} changed: {how}.", remedy=REMEDY, path=self.path)


@contextmanager
def opened(
    path: Path, *, size_bytes: int | None = None, mtime_ns: int | None = None, root: Path | None = None
) -> Iterator[OpenedSource]:
    """Open a source file for as long as the block runs.

    Args:
        path: The file.
        size_bytes: The size it must have.
        mtime_ns: The modification time it must have, in nanoseconds since the epoch.
        root: The folder out of which no link may lead; links lead anywhere without one.

    Raises:
        LinkLeadsOut: A link on the way to it leads out of the root.
        SourceChanged: It is gone, or not as it must be.
        SourceUnreadable: It may not be read.
    """
    try:
        descriptor = open_regular(path, root)
    except SourceError:
        raise
    except (FileNotFoundError, NotADirectoryError) as error:
        raise SourceChanged(f"{path} is gone since it was profiled.", remedy=REMEDY, path=path) from error
    except PermissionError as error:
        remedy = "Give the user that runs the flow read permission on it."
        raise SourceUnreadable(f"{path} may not be read.", remedy=remedy, path=path) from error
    except OSError as error:
        raise SourceError(f"{path} cannot be opened: {error.strerror}.", path=path) from error
    try:
        source = OpenedSource(path, descriptor)
        if size_bytes is not None and source.size_bytes != size_bytes:
            raise source.changed(f"it has {source.size_bytes:,} bytes, and had {size_bytes:,} when it was profiled")
        if mtime_ns is not None and source.mtime_ns != mtime_ns:
            raise source.changed("it was written to since it was profiled")
        yield source
    finally:
        os.close(descriptor)
