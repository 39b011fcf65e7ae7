"""Owns the way around encodings in which the byte of a delimiter may be a part of another character.

Most encodings keep the 128 bytes of ASCII to themselves, so that cells are found and replaced in the file's own bytes.
UTF-16, UTF-32, Shift JIS, GBK, Big5, EBCDIC and their like do not: such a file is masked as UTF-8 and written back.
Each piece is proven to come back byte for byte on its way in; a file of which that is not true is refused.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache

BYTE_ORDER_MARK = codecs.BOM_UTF8
_MARKED = {
    "utf-16": ((codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be")),
    "utf-32": ((codecs.BOM_UTF32_LE, "utf-32-le"), (codecs.BOM_UTF32_BE, "utf-32-be")),
}


@dataclass
class Recoding:
    """The way of one file to UTF-8 and back.

    Attributes:
        encoding: Its codec; that of the byte order, once the first bytes have shown it.
        mark: Its byte order mark, which is kept apart.
    """

    encoding: str
    mark: bytes = b""

    @classmethod
    def of(cls, encoding: str) -> Recoding | None:
        """Return the way for an encoding; `None` where its bytes can be masked as they are."""
        return None if keeps_ascii_apart(encoding) else cls(codecs.lookup(encoding).name)

    def decoded(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        """Yield a file's text as UTF-8.

        Raises:
            UnicodeError: It is not text in its encoding, or would not come back as it was.
        """
        reading = self._without_mark(pieces)
        decoder = codecs.getincrementaldecoder(self.encoding)()
        encoder = codecs.getincrementalencoder(self.encoding)()
        held = b""
        for piece, last in reading:
            text = decoder.decode(piece, last)
            came, held = held + piece, b"" if last else _held(decoder)
            if encoder.encode(text, last) != came[: len(came) - len(held)]:
                raise UnicodeError("the text has two spellings")
            yield text.encode("utf-8")

    def encoded(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        """Yield UTF-8 in the file's encoding again, after its byte order mark.

        Raises:
            UnicodeError: A character does not exist in it.
        """
        decoder = codecs.getincrementaldecoder("utf-8")()
        encoder = None
        for piece in pieces:
            if encoder is None:
                yield self.mark
                encoder = codecs.getincrementalencoder(self.encoding)()
            yield encoder.encode(decoder.decode(piece))
        if encoder is not None:
            yield encoder.encode(decoder.decode(b"", True), True)

    def _without_mark(self, pieces: Iterable[bytes]) -> Iterator[tuple[bytes, bool]]:
        """Take the byte order mark off, and say which piece is the last."""
        reading = iter(pieces)
        head = b""
        while len(head) < 4 and (piece := next(reading, None)) is not None:
            head += piece
        for mark, encoding in _MARKED.get(self.encoding, ()):
            if head.startswith(mark):
                self.mark, self.encoding = mark, encoding
                head = head[len(mark) :]
                break
        else:
            # Without a mark Python would write one of its own.
            self.encoding = {"utf-16": "utf-16-le", "utf-32": "utf-32-le"}.get(self.encoding, self.encoding)
        return _with_last(head, reading)


def _with_last(head: bytes, reading: Iterator[bytes]) -> Iterator[tuple[bytes, bool]]:
    for piece in reading:
        yield head, False
        head = piece
    yield head, True


def _held(decoder: codecs.IncrementalDecoder) -> bytes:
    """Return the bytes that a decoder waits with until the rest of their character comes."""
    return decoder.getstate()[0]


@cache
def keeps_ascii_apart(encoding: str) -> bool:
    """Return whether each byte below 128 is its ASCII character, wherever it stands, and each other one is not."""
    ascii_bytes = bytes(range(128))
    try:
        if ascii_bytes.decode(encoding) != ascii_bytes.decode("ascii"):
            return False
        signs = [chr(byte) for byte in ascii_bytes]
        return all(
            bytes((lead, byte)).decode(encoding, "replace")[1:] == sign
            for lead in range(128, 256)
            for byte, sign in enumerate(signs)
        )
    except UnicodeError:
        return False
