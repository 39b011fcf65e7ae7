"""Owns the guess at a file's encoding, and its content as UTF-8 whatever the encoding is.

UTF-8 is what the bytes are when they, or most lines with others than ASCII, say so; only when they do not, it is for
`flows.lake.dialect.eight_bit` to find. A file that is ASCII at first and shows other bytes only later is decided there:
until then all candidates read the same. Parsers downstream see UTF-8 only; what is uploaded is never touched.
"""

from __future__ import annotations

import codecs
from collections.abc import Callable
from pathlib import Path

import numpy as np

from flows.lake.dialect.eight_bit import detect_eight_bit
from flows.lake.dialect.replaced_lines import ReplacedLines, is_mostly_utf8
from flows.lake.errors import CsvRejected

UTF8 = ("utf-8", "utf-8-sig")
_SPARSE = 8
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def is_text_codec(name: str) -> bool:
    """Return whether Python knows an encoding of that name which turns bytes into text, piece by piece."""
    try:
        codec = codecs.lookup(name)
    except (LookupError, ValueError):  # ValueError: the name holds a NUL
        return False
    unfit = {"idna", "punycode", "undefined", "unicode-escape", "raw-unicode-escape", "unicode_escape", "mbcs", "oem"}
    return codec._is_text_encoding and codec.incrementaldecoder is not None and codec.name not in unfit


def normal_name(encoding: str) -> str:
    """Return Python's own name of a codec, for example `cp1252` for `Windows-1252`; raise LookupError for none."""
    return codecs.lookup(encoding).name


def detect_encoding(sample: bytes) -> str:
    """Return the codec that a file's first bytes speak for."""
    for bom, encoding in _BOMS:
        if sample.startswith(bom):
            return encoding
    wide = _utf16_without_bom(sample)
    if wide:
        return wide
    try:
        codecs.getincrementaldecoder("utf-8")().decode(sample)
    except UnicodeDecodeError:
        return "utf-8" if is_mostly_utf8(sample) else detect_eight_bit(sample)
    return "utf-8"


def _utf16_without_bom(sample: bytes) -> str | None:
    """Notice UTF-16 by its zeros: in Western text every other byte is one."""
    size = len(sample) // 2
    if size < 2:
        return None
    even, odd = sample[0 : 2 * size : 2].count(0), sample[1 : 2 * size : 2].count(0)
    for encoding, many, few in (("utf-16-le", odd, even), ("utf-16-be", even, odd)):
        if many > 0.4 * size and few < 0.05 * size:
            return encoding
    return None


class Utf8Text:
    """A file's content as UTF-8, decoded piece by piece.

    A file that was found to be UTF-8 may have lines that are not, as text put together from several sources has. They
    are read as `errors="replace"` reads them, and counted; if the encoding was stated, such a file is refused.

    Args:
        path: The file, for messages.
        read: Returns the next bytes of content, none at the end.
        encoding: The codec; a byte order mark that it does not expect stays in the text.
        stated: Whether the user stated the codec; else an ASCII file may still turn out to be another.
    """

    def __init__(self, path: Path, read: Callable[[], bytes], encoding: str, *, stated: bool) -> None:
        self._path = path
        self._read = read
        self.encoding = encoding
        self._open_question = not stated and encoding == "utf-8"
        self._is_stated = stated
        self._validates_only = normal_name(encoding) in UTF8
        self._may_be_marked = normal_name(encoding) == "utf-8-sig"
        self._decoder = codecs.getincrementaldecoder(encoding)()
        self._replaced = ReplacedLines()
        self._tail = b""
        self._done = 0
        self.at_end = False

    @property
    def replaced_lines(self) -> int:
        """How many lines read so far hold bytes that are not UTF-8, with U+FFFD in their place."""
        return self._replaced.count

    @property
    def first_replaced_line(self) -> int | None:
        """The number of the first such line, counted from 1."""
        return self._replaced.first

    @property
    def is_open(self) -> bool:
        """Whether all that was read so far is ASCII, so that the encoding may still turn out to be another."""
        return self._open_question and not self.at_end

    def next_piece(self) -> bytes:
        """Return the next piece of text as UTF-8; an empty one does not mean the end, `at_end` does.

        Raises:
            CsvRejected: The bytes are not what the encoding says.
        """
        data = self._read()
        self.at_end = not data
        data = self._tail + data
        self._tail = b""
        if self._may_be_marked:
            if len(data) < len(codecs.BOM_UTF8) and not self.at_end:
                self._tail = data
                return b""
            data = self._without_mark(data)
        if self._validates_only:
            return self._validated(data)
        return self._decoded(data)

    def _without_mark(self, data: bytes) -> bytes:
        self._may_be_marked = False
        text = data.removeprefix(codecs.BOM_UTF8)
        self._done += len(data) - len(text)
        return text

    def _validated(self, data: bytes) -> bytes:
        try:
            if not data.isascii() and not is_utf8_where_sparse(data):
                data.decode("utf-8")
        except UnicodeDecodeError as error:
            if error.reason == "unexpected end of data" and not self.at_end:
                data, self._tail = data[: error.start], data[error.start :]
            elif self._open_question and not is_mostly_utf8(data):
                return self._switched(data)
            elif self._is_stated:
                raise self._not_that(error) from error
            else:
                return self._with_replacements(data)
        self._open_question = self._open_question and data.isascii()
        self._done += len(data)
        if not self._is_stated:
            self._replaced.pass_over(data)
        return data

    def _with_replacements(self, data: bytes) -> bytes:
        """Put U+FFFD for what is not UTF-8; a letter that is cut off waits for the next piece."""
        text, used = codecs.utf_8_decode(data, "replace", self.at_end)
        data, self._tail = data[:used], data[used:]
        self._open_question = False
        self._done += used
        self._replaced.look_over(data)
        return text.encode("utf-8")

    def _switched(self, data: bytes) -> bytes:
        """Go on in an eight-bit codec: all there was before is ASCII, which reads the same in it."""
        self.encoding = detect_eight_bit(data)
        self._open_question = False
        self._validates_only = False
        self._decoder = codecs.getincrementaldecoder(self.encoding)()
        return self._decoded(data)

    def _decoded(self, data: bytes) -> bytes:
        try:
            text = self._decoder.decode(data, self.at_end)
            self._done += len(data)
            return text.encode("utf-8")
        except UnicodeDecodeError as error:
            raise self._not_that(error) from error
        except UnicodeError as error:
            raise CsvRejected(
                self._path, f"it is not valid {self.encoding}: {error}.", byte=self._done, encoding=self.encoding
            ) from error

    def _not_that(self, error: UnicodeError) -> CsvRejected:
        at = self._done + getattr(error, "start", 0)
        broken = error.object[error.start : error.start + 1] if isinstance(error, UnicodeDecodeError) else b""
        return CsvRejected(
            self._path,
            f"byte 0x{broken.hex()} is not valid {self.encoding}"
            + (", although other letters before it are." if self.encoding in UTF8 else "."),
            byte=at,
            encoding=self.encoding,
            remedy="State the encoding in the dataset's dialect (for example cp1252 or latin-1), or repair the file.",
        )


def is_utf8_where_sparse(data: bytes) -> bool:
    """Return whether bytes are UTF-8 for certain, which is found only where few of them are not ASCII.

    Nothing outlasts an ASCII byte in UTF-8, so that the other bytes are the whole question, with one ASCII byte after
    each row of them. To pick them out takes as long as to decode everything, but does not hold the interpreter's lock.
    """
    foreign = np.frombuffer(data, np.int8) < 0
    if np.count_nonzero(foreign) > len(data) // _SPARSE:
        return False
    np.logical_or(foreign[1:], foreign[:-1], out=foreign[1:])
    try:
        np.frombuffer(data, np.uint8)[np.flatnonzero(foreign)].tobytes().decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
