"""Owns the guess at a file's encoding, and its content as UTF-8 whatever the encoding is.

UTF-8 is what the bytes are when they say so; only when they do not, Windows-1252 or what chardet finds. A
file that is ASCII at first and shows other bytes only later is decided there: until then all candidates read the same.
Parsers downstream see UTF-8 only; what is uploaded is never touched.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np

from flows.lake.errors import CsvRejected

UTF8 = ("utf-8", "utf-8-sig")
_EVIDENCE_BYTES = 32 * 1024
_REPLACEMENT = "\ufffd".encode()
_SPARSE = 8
_FOREIGN_WORD = re.compile(r"[^\x00-\x7f]{4,}")
_WESTERN = frozenset("áàâãäåéèêëíìîïóòôõöúùûüçñÁÀÂÃÄÅÉÈÊËÍÌÎÏÓÒÔÕÖÚÙÛÜÇÑßæÆœŒºª°€£–—‘’“”•…²³´\xa0½¼¿¡«»©®™±·§").union(
    "ÿ"
)
_LIGATURE = re.compile(r"(?<=[a-zA-Z])[½¼](?=[a-z])")  # œ and Œ of ISO 8859-15, as Windows-1252 reads them
_WESTERN_SIBLINGS = {
    **dict.fromkeys(("cp1250", "iso8859-2", "iso8859-3", "iso8859-4", "iso8859-10", "iso8859-16", "cp1257"), "cp1252"),
    **dict.fromkeys(("cp852", "cp858", "cp437", "cp775", "cp1256"), "cp850"),
    "mac-latin2": "mac-roman",
}
"""Of codecs that are easily taken for one another, the one of Western languages."""
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
        return "utf-8" if _is_mostly_utf8(sample) else detect_eight_bit(sample)
    return "utf-8"


def _is_mostly_utf8(sample: bytes) -> bool:
    """Return whether most lines with other letters than ASCII are UTF-8, so that the few others came from elsewhere."""
    lines = [line for line in sample.splitlines()[:-1] if not line.isascii()]
    return len(lines) >= 3 and sum(_decodes(line, "utf-8") for line in lines) >= 0.7 * len(lines)


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


def detect_eight_bit(data: bytes) -> str:
    """Return the codec for bytes that are not UTF-8: a Western one where it gives Western letters, else the best.

    Only lines with other bytes than ASCII are asked; of two codecs that fit, the one whose letters a language has.
    """
    lines = [line for line in data.splitlines() if not line.isascii()]
    evidence = b"\n".join(lines)[:_EVIDENCE_BYTES]
    is_western = _is_western(evidence, "cp1252")
    if is_western and not _is_hungarian(evidence):
        return "iso8859-15" if _LIGATURE.search(evidence.decode("cp1252")) else "cp1252"
    import chardet  # only for these files: its import is slow

    found = chardet.detect(evidence)["encoding"]
    if found is None or not is_text_codec(found) or normal_name(found) in {"ascii", "utf-8"}:
        return "cp1252" if is_western or _decodes(evidence, "cp1252") else "latin-1"
    best = normal_name(found)
    western = None if is_western else _WESTERN_SIBLINGS.get(best)  # Hungarian looks Western, and is not
    return western if western and _is_western(evidence, western) else best


def _is_western(evidence: bytes, codec: str) -> bool:
    """Return whether bytes are letters of Western languages in a codec, strewn among others as in their words."""
    if not _decodes(evidence, codec):
        return False
    text = evidence.decode(codec)
    foreign = [char for char in text if not char.isascii()]
    within = sum(char in _WESTERN for char in foreign) + len(_LIGATURE.findall(text))
    return bool(foreign) and within >= 0.97 * len(foreign) and _reads_well(text)


def _is_hungarian(evidence: bytes) -> bool:
    """Return whether bytes that look Western have the long vowels of Hungarian, and no letter that it does not know."""
    letters = set(evidence.decode("cp1252").lower())
    return bool(letters & set("õû")) and not letters & set("ãçñêèâàîï")


def _decodes(data: bytes, codec: str) -> bool:
    try:
        data.decode(codec)
    except UnicodeDecodeError:
        return False
    return True


def _reads_well(text: str) -> bool:
    """Whether accented letters are strewn among others, as in Western text; other alphabets come in whole words."""
    in_words = sum(map(len, _FOREIGN_WORD.findall(text)))
    return in_words <= 0.3 * sum(not char.isascii() for char in text)


class Utf8Text:
    """A file's content as UTF-8, decoded piece by piece.

    Args:
        path: The file, for messages.
        read: Returns the next bytes of content, none at the end.
        encoding: The codec; a byte order mark that it does not expect stays in the text.
        stated: Whether the user stated the codec; else an ASCII file may still turn out to be another.

    Attributes:
        replaced_lines: Lines that hold bytes of another encoding, each read as U+FFFD.
        first_replaced_line: The first of them.
    """

    def __init__(self, path: Path, read: Callable[[], bytes], encoding: str, *, stated: bool) -> None:
        self._path = path
        self._read = read
        self.encoding = encoding
        self._open_question = self._may_replace = not stated and encoding == "utf-8"
        self._validates_only = normal_name(encoding) == "utf-8"
        self._decoder = codecs.getincrementaldecoder(encoding)()
        self._tail = b""
        self._done = 0
        self._lines = 0
        self.at_end = False
        self._replaces = False
        self.replaced_lines = 0
        self.first_replaced_line: int | None = None

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
        if self._validates_only:
            return self._validated(data)
        return self._decoded(data)

    def _validated(self, data: bytes) -> bytes:
        if data.isascii():
            self._done += len(data)
            self._lines += data.count(b"\n") if self._may_replace else 0
            return data
        try:
            if not is_utf8_where_sparse(data):
                data.decode("utf-8")
        except UnicodeDecodeError as error:
            if error.reason == "unexpected end of data" and not self.at_end:
                data, self._tail = data[: error.start], data[error.start :]
            elif self._open_question and not _is_mostly_utf8(data):
                return self._switched(data)
            elif self._may_replace:
                return self._replacing(data)
            else:
                raise self._not_that(error) from error
        self._open_question = self._open_question and data.isascii()
        self._done += len(data)
        self._lines += data.count(b"\n") if self._may_replace else 0
        return data

    def _replacing(self, data: bytes) -> bytes:
        """Go on with replacement characters for what is not UTF-8: other lines are in another encoding."""
        self._validates_only = False
        self._replaces = True
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        return self._decoded(data)

    def _note_replaced(self, data: bytes, text: bytes) -> None:
        for number, line in enumerate(text.split(b"\n")):
            if _REPLACEMENT in line:
                self.replaced_lines += 1
                self.first_replaced_line = self.first_replaced_line or self._lines + number + 1
        self._lines += data.count(b"\n")

    def _switched(self, data: bytes) -> bytes:
        """Go on in an eight-bit codec: all there was before is ASCII, which reads the same in it."""
        self.encoding = detect_eight_bit(data)
        self._open_question = False
        self._validates_only = False
        self._decoder = codecs.getincrementaldecoder(self.encoding)()
        return self._decoded(data)

    def _decoded(self, data: bytes) -> bytes:
        try:
            text = self._decoder.decode(data, self.at_end).encode("utf-8")
            self._done += len(data)
            if self._replaces:
                self._note_replaced(data, text)
            return text
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
