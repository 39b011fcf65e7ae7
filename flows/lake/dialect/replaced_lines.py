"""Owns the count of lines that are not in the file's encoding, and the number of the first one.

Line numbers need all line ends before them; they are counted piece by piece, as the text comes.
"""

from __future__ import annotations

import numpy as np


class ReplacedLines:
    """Counts the lines of a UTF-8 file, in pieces, that hold bytes which are not UTF-8.

    Attributes:
        count: How many there are so far.
        first: The number of the first one, counted from 1.
    """

    def __init__(self) -> None:
        self.count = 0
        self.first: int | None = None
        self._ended = 0
        self._last = 0
        self._after_return = False

    def pass_over(self, data: bytes) -> None:
        """Take in a piece that is UTF-8."""
        data = self._without_half_line_end(data)
        signs = np.frombuffer(data, np.uint8)
        self._ended += int(np.count_nonzero(signs == ord("\n")))
        if b"\r" in data:
            self._ended += int(np.count_nonzero((signs[:-1] == ord("\r")) & (signs[1:] != ord("\n"))))
            self._ended += data.endswith(b"\r")

    def look_over(self, data: bytes) -> None:
        """Take in a piece that is not UTF-8 in all of its lines; it ends with a whole letter."""
        for line in self._without_half_line_end(data).splitlines(keepends=True):
            if not _is_utf8(line):
                self._count(self._ended + 1)
            self._ended += line.endswith((b"\n", b"\r"))

    def _count(self, line: int) -> None:
        self.count += line != self._last
        self._last = line
        self.first = self.first or line

    def _without_half_line_end(self, data: bytes) -> bytes:
        """Drop the second half of a line end whose first one ended the piece before."""
        if not data:
            return data
        rest = data[1:] if self._after_return and data.startswith(b"\n") else data
        self._after_return = data.endswith(b"\r")
        return rest


def is_mostly_utf8(data: bytes) -> bool:
    """Return whether no fewer lines hold letters in UTF-8 than bytes that are not, which hardly ever look so."""
    foreign = [line for line in data.splitlines() if not line.isascii()]
    good = sum(map(_is_utf8, foreign))
    return 2 * good >= len(foreign)


def _is_utf8(line: bytes) -> bool:
    if line.isascii():
        return True
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
