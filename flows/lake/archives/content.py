"""The content of one member, unfolded piece by piece and proven at its end.

`zipfile` stops at the size that the directory states, so that what a stream holds beyond it is never seen, and one that
is shorter is taken as it is. Here a member ends where its stream ends, and size, stored size and CRC-32 must be what
the directory says.
"""

from __future__ import annotations

import bz2
import lzma
import zlib
from typing import Protocol

from flows.lake.archives.archive_bytes import FETCH_AGAIN, ArchiveBytes
from flows.lake.archives.directory import DEFLATED, STORED, Entry
from flows.lake.errors import CsvRejected
from flows.lake.units import KIB, MIB
from flows.lake.words import quoted

PIECE_BYTES = 64 * KIB
MOST_DICTIONARY_BYTES = 128 * MIB
_BZIP2, _LZMA = 12, 14
_METHODS = {
    1: "Shrink",
    6: "Implode",
    9: "Deflate64",
    10: "PKWARE DCL",
    _BZIP2: "bzip2",
    _LZMA: "LZMA",
    19: "LZ77",
    93: "Zstandard",
    95: "xz",
    96: "JPEG",
    97: "WavPack",
    98: "PPMd",
    99: "AES encryption",
}
_READABLE = {STORED, DEFLATED, _BZIP2, _LZMA}


def unread_method(entry: Entry) -> str | None:
    """Return the name of a compression method that is not read, `None` where it is."""
    return None if entry.method in _READABLE else _METHODS.get(entry.method, f"number {entry.method}")


class _Unfolding(Protocol):
    @property
    def eof(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    def decompress(self, data: bytes, max_length: int = ..., /) -> bytes: ...


class _Inflate:
    """Deflate, with the interface of `bz2` and `lzma`: it keeps what it was given and has not unfolded yet."""

    def __init__(self) -> None:
        self._inflate = zlib.decompressobj(-zlib.MAX_WBITS)

    @property
    def eof(self) -> bool:
        return self._inflate.eof

    @property
    def unused_data(self) -> bytes:
        return self._inflate.unused_data

    def decompress(self, data: bytes, max_length: int = -1, /) -> bytes:
        return self._inflate.decompress(self._inflate.unconsumed_tail + data, max_length)


class MemberContent:
    """The content of a member; reads forward only.

    Args:
        archive: The archive.
        entry: The member, compressed by a method that is read.
    """

    def __init__(self, archive: ArchiveBytes, entry: Entry) -> None:
        self._archive = archive
        self._entry = entry
        self._at = entry.data_at
        self._unfolding: _Unfolding | None = None
        self._ended = False
        self._crc = 0
        self._done = 0
        self._hungry = True

    def read(self, size: int) -> bytes:
        """Return up to `size` bytes of content, none at the end.

        Raises:
            CsvRejected: The member is damaged, or not what the directory says; names it.
        """
        while not self._ended:
            try:
                data = self._next(size)
            except (zlib.error, OSError, lzma.LZMAError, EOFError, ValueError) as error:
                raise self._damaged(f"it cannot be unfolded: {str(error).rstrip('.')}") from error
            self._crc = zlib.crc32(data, self._crc)
            self._done += len(data)
            if self._done > self._entry.size_bytes:
                raise self._damaged(f"it is larger than the {self._entry.size_bytes:,} bytes that the archive states")
            if self._ended:
                self._check()
            if data:
                return data
        return b""

    def _next(self, size: int) -> bytes:
        if self._entry.method == STORED:
            data = self._stored(size)
            self._ended = not data
            return data
        unfolding = self._unfolding = self._unfolding or self._begin()
        was_hungry = self._hungry
        piece = self._stored(PIECE_BYTES) if was_hungry else b""
        data = unfolding.decompress(piece, size)
        # What fills the room that it was given may have more of the same piece to give.
        self._hungry = len(data) < size
        if unfolding.eof:
            self._ended = True
        elif was_hungry and not piece and not data:
            if self._entry.method != _LZMA:  # which needs no mark at its end
                raise EOFError("it ends in the middle")
            self._ended = True
        return data

    def _stored(self, size: int) -> bytes:
        length = min(size, self._entry.ends_at - self._at)
        data = self._archive.read_at(self._at, length) if length > 0 else b""
        if len(data) < length:
            raise EOFError("the archive is cut off")
        self._at += len(data)
        return data

    def _begin(self) -> _Unfolding:
        if self._entry.method == DEFLATED:
            return _Inflate()
        if self._entry.method == _BZIP2:
            return bz2.BZ2Decompressor()
        head = self._stored(9)
        if len(head) < 9 or head[2:4] != b"\5\0":
            raise ValueError("its LZMA properties are damaged")
        signs, dictionary = head[4], int.from_bytes(head[5:9], "little")
        if dictionary > MOST_DICTIONARY_BYTES:
            raise ValueError(f"it needs a dictionary of {dictionary:,} bytes")
        how = {"id": lzma.FILTER_LZMA1, "dict_size": dictionary}
        how |= {"lc": signs % 9, "lp": signs // 9 % 5, "pb": signs // 45}
        return lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=[how])

    def _check(self) -> None:
        if self._unfolding is not None and (self._unfolding.unused_data or self._at < self._entry.ends_at):
            raise self._damaged("more bytes are stored of it than its content takes")
        if self._done != self._entry.size_bytes:
            stated = self._entry.size_bytes
            raise self._damaged(f"it has {self._done:,} bytes, and the archive states {stated:,}")
        if self._crc != self._entry.crc32:
            raise self._damaged(f"its CRC-32 is {self._crc:08x}, and the archive states {self._entry.crc32:08x}")

    def _damaged(self, why: str) -> CsvRejected:
        return self._archive.refused(f"member {quoted(self._entry.name)} is damaged: {why}", FETCH_AGAIN)
