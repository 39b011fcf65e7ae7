"""Where bytes come from, and the body of a request: bytes in memory, handed to the connection in pieces.

Given as plain bytes, a body is sent by one call for which the time-out must do as a whole: 8 MB over a slow line
take longer than a minute. Given as a file, it goes in small pieces with a time-out each, so that the time which a part
may take grows with the part, and a connection that stands still is noticed all the same.
"""

from __future__ import annotations

from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Protocol, cast

if TYPE_CHECKING:
    from flows.lake.errors import SourceChanged


class Source(Protocol):
    """What bytes are sent from: an open file (`flows.lake.source_file`), or an object of another lake."""

    @property
    def title(self) -> str:
        """What messages call it."""

    @property
    def path(self) -> Path | None:
        """Its path, if it is a file."""

    @property
    def size_bytes(self) -> int:
        """Its size when it was opened."""

    def read_at(self, offset: int, length: int) -> bytes:
        """Read exactly `length` bytes."""

    def check(self) -> None:
        """Make sure that it is still the one that was opened."""

    def changed(self, how: str) -> SourceChanged:
        """Return the error that says how it changed."""


class PiecewiseBody:
    """A readable, seekable body over bytes, as botocore asks of a file-like one, without copying them."""

    def __init__(self, data: bytes) -> None:
        self._view = memoryview(data)
        self._position = 0

    def __len__(self) -> int:
        return len(self._view)

    def read(self, size: int | None = -1) -> memoryview | bytes:
        """Return the next piece, all that is left without a size."""
        end = len(self._view) if size is None or size < 0 else self._position + size
        piece = self._view[self._position : end]
        self._position += len(piece)
        return piece or b""

    def seek(self, offset: int, whence: int = 0) -> int:
        """Move to a position, counted as in `io.IOBase.seek`, and return it."""
        start = (0, self._position, len(self._view))[whence]
        self._position = max(0, min(start + offset, len(self._view)))
        return self._position

    def tell(self) -> int:
        """Return the position."""
        return self._position


def as_body(data: bytes) -> IO[Any]:
    """Return bytes as a body for boto3, whose types ask for a whole `IO` where reading and seeking are enough."""
    return cast("IO[Any]", PiecewiseBody(data))
