"""Owns the cutting of a CSV text into blocks of whole records, in bounded memory.

Only pandas' own tokenizer knows for sure whether a line end lies inside a quoted field, so this module proposes cuts,
likeliest first, and the parser confirms one by reading up to it without being left inside quotes. A record larger than
`MAX_RECORD_BYTES` is refused: it is an unclosed quote, and would otherwise swallow the rest of the file into memory.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator

import numpy as np

from flows.lake.dialect.encoding import Utf8Text
from flows.lake.tables import width
from flows.lake.tables.ending import TAIL_BYTES
from flows.lake.units import MIB

FIRST_BLOCK_BYTES = 1 * MIB
BLOCK_BYTES = 4 * MIB
BLOCK_CELLS = 2_500_000  # a cell costs the parser some 40 bytes, however short it is
MAX_RECORD_BYTES = 16 * MIB
_NO_QUOTE = b"\xff"  # occurs in no UTF-8
_LINE_END = re.compile(rb"\r\n|\n|\r")


class Blocks:
    """The text that was read but not yet parsed.

    Args:
        text: Where more text comes from.
        delimiter: The field separator, one ASCII character.
        quotechar: The quote character, one ASCII character; `None` where quotes are letters.
        rows: The most lines in a block.
    """

    def __init__(self, text: Utf8Text, delimiter: str, quotechar: str | None, rows: int) -> None:
        self._text = text
        self._delimiter = delimiter
        self._quote = quotechar.encode() if quotechar else _NO_QUOTE
        self._sign = quotechar or "\0"
        self._opening = re.compile(
            b"(?:^|[" + re.escape(delimiter.encode()) + rb"\r\n])" + re.escape(self._quote), re.DOTALL
        )
        self._rows = rows
        self._block_bytes = FIRST_BLOCK_BYTES
        self._pending = b""
        self.lines_before = 0
        self.quotes_hold_lines = False  # known from a cut that the parser refused

    def widen(self, columns: int, rows: int, row_bytes: float) -> None:
        """Read larger blocks from now on, as large as the table asks for: a block of a wide one costs much.

        Args:
            columns: The table's width.
            rows: The most lines in a block; very wide tables take fewer.
            row_bytes: What a row takes on average, for reading no more than a block needs.
        """
        self._rows = max(1, min(rows, BLOCK_CELLS // max(columns, 1)))
        wanted = int(0.95 * self._rows * row_bytes)  # rather fewer lines than too many: to find the last costs more
        self._block_bytes = min(max(wanted, FIRST_BLOCK_BYTES), BLOCK_BYTES)

    def fill(self, size: int | None = None) -> bool:
        """Read until there is a block's worth of text; return whether there is any at all."""
        size = size or self._block_bytes
        pieces = [self._pending]
        missing = size - len(self._pending)
        while missing > 0 and not self._text.at_end:
            pieces.append(self._text.next_piece())
            missing -= len(pieces[-1])
        self._pending = b"".join(pieces)
        return bool(self._pending)

    def skip_lines(self, lines: int) -> None:
        """Drop lines from the start of the text, whatever they hold."""
        while lines and self.fill():
            end = self._nth_line_end(lines)
            if end is None and not self.at_end:
                self.fill(2 * max(len(self._pending), self._block_bytes))
                continue
            self.take(len(self._pending) if end is None else end)
            return

    def _nth_line_end(self, count: int) -> int | None:
        at = 0
        for _ in range(count):
            match = _LINE_END.search(self._pending, at)
            if match is None or (match.end() == len(self._pending) and not self.at_end):
                return None
            at = match.end()
        return at

    def tail(self, size: int) -> tuple[int, bytes]:
        """Return the end of the pending text, from the beginning of a line on, and where it begins."""
        start = max(0, len(self._pending) - size)
        if start:
            start = self._pending.find(b"\n", start) + 1 or self._pending.find(b"\r", start) + 1 or start
        return start, self._pending[start:]

    def drop_from(self, start: int) -> None:
        """Drop the end of the pending text, which is then the end of the table."""
        self._pending = self._pending[:start]

    def wider_than(self, limit: int) -> tuple[int, int] | None:
        """Return which of the first two lines has more fields than a limit, and how many."""
        if not self.may_be_wider(limit, 2):
            return None
        widths = self.first_widths(2)
        widest = max(widths, default=0)
        return (self.lines_before + widths.index(widest) + 1, widest) if widest > limit else None

    def may_be_wider(self, limit: int, lines: int) -> bool:
        """Return whether one of the first lines of the pending text may have more fields than a limit."""
        if len(self._pending) > width.HEAD_BYTES:  # to count every delimiter costs a seventh of the whole profile
            widths = width.first_widths(self._pending[: width.HEAD_BYTES], self._delimiter, self._sign, lines + 1)
            if len(widths) > lines:
                return max(widths[:lines]) > limit
        return self._pending.count(self._delimiter.encode()) >= limit

    def first_widths(self, lines: int) -> list[int]:
        """Return how many fields the first lines of the pending text have; reads on to the end of a long line."""
        while True:
            widths = width.first_widths(self._pending, self._delimiter, self._sign, lines + 1)
            if len(widths) > lines or self.at_end or len(self._pending) >= MAX_RECORD_BYTES:
                return widths[:lines]
            self.fill(min(2 * len(self._pending), MAX_RECORD_BYTES))

    @property
    def at_end(self) -> bool:
        """Whether what is pending is all there is."""
        return self._text.at_end

    def head(self, size: int, before: bytes = b"") -> bytes:
        """Return the start of the pending text without taking it, after `before`."""
        return b"".join((before, memoryview(self._pending)[:size]))

    def is_all(self, size: int) -> bool:
        """Return whether nothing comes after the first `size` bytes of the pending text."""
        return self.at_end and size == len(self._pending)

    def lines_in(self, size: int) -> int:
        """Return how many lines end in the first `size` bytes of the pending text, whichever way they end."""
        text = np.frombuffer(self._pending, np.uint8, size)
        feeds = text == 10
        if self._pending.find(b"\r", 0, size) < 0:
            return int(np.count_nonzero(feeds))
        returns = text == 13
        pairs = np.count_nonzero(returns[:-1] & feeds[1:])
        return int(np.count_nonzero(feeds) + np.count_nonzero(returns) - pairs)

    def take(self, size: int) -> None:
        """Drop `size` bytes that were parsed, counting their lines."""
        self.lines_before += self.lines_in(size)
        self._pending = self._pending[size:]

    def cuts(self) -> Iterator[int]:
        """Yield lengths at which the pending text may end with a whole record, likeliest first, the longest included.

        More text is read when none of a block's lengths was accepted. After the last one either the text is at its
        end or a record is longer than `MAX_RECORD_BYTES`.
        """
        tried = set()
        while True:
            for limit in self._limits():
                for cut in self._cuts_within(limit):
                    if cut and cut not in tried:
                        tried.add(cut)
                        yield cut
            if self.at_end or len(self._pending) >= MAX_RECORD_BYTES:
                break
            self.fill(min(2 * max(len(self._pending), self._block_bytes // 2), MAX_RECORD_BYTES))
        if self.at_end and len(self._pending) not in tried:
            yield len(self._pending)

    def _limits(self) -> Iterator[int]:
        # The end of the text is looked at as a whole (`flows.lake.tables.ending`), so it waits until all of it is
        # there.
        whole = len(self._pending) if self.at_end else max(0, len(self._pending) - TAIL_BYTES)
        by_rows = (self._line_end(self._rows * factor) for factor in (1, 8, 64))
        yield from itertools.takewhile(lambda end: end is not None and end <= whole, by_rows)
        yield whole

    def _line_end(self, count: int) -> int | None:
        """Return where the line number `count` of the pending text ends, if there are more lines than that."""
        span = min(len(self._pending), self._block_bytes, 128 * count)
        while True:
            feeds = np.frombuffer(self._pending, np.uint8, span) == 10
            if np.count_nonzero(feeds) >= count:
                return int(np.flatnonzero(feeds)[count - 1]) + 1
            if span >= min(len(self._pending), self._block_bytes):
                return None
            span = min(span * 4, len(self._pending), self._block_bytes)

    def _cuts_within(self, limit: int) -> Iterator[int]:
        pending = self._pending
        if limit == len(pending) and self.at_end:
            yield limit
        last = self._last_line_end(limit)
        if pending.find(self._quote, 0, limit) < 0:
            yield last
            return
        # The last line end is a record's in most files; counting quotes costs more than to try it.
        if not self.quotes_hold_lines:
            yield last
        balanced = self._last_balanced(limit)
        yield from (cut for cut in (balanced, last) if cut > limit // 4)
        yield self._last_certain(limit)

    def _last_line_end(self, limit: int) -> int:
        end = self._pending.rfind(b"\n", 0, limit) + 1
        if end:
            return end
        # Line ends are carriage returns alone, unless a line feed follows one.
        end = self._pending.rfind(b"\r", 0, limit) + 1
        if end == len(self._pending) and not self.at_end:
            end = self._pending.rfind(b"\r", 0, end - 1) + 1
        return 0 if self._pending[end : end + 1] == b"\n" else end

    def _last_balanced(self, limit: int) -> int:
        """Return the last line end with an even number of quotes before it, 0 if there is none near."""
        odd = self._pending.count(self._quote, 0, limit) % 2
        end = limit
        for _ in range(1_000):
            start = self._last_line_end(end) if end else 0
            odd ^= self._pending.count(self._quote, start, end) % 2
            if not odd or not start:
                return start
            end = start - 1
        return 0

    def _last_certain(self, limit: int) -> int:
        """Return the last line end outside quotes, found by walking from quoted field to quoted field."""
        at, safe = 0, 0
        while True:
            opening = self._opening.search(self._pending, at, limit)
            if opening is None:
                last = self._last_line_end(limit)
                return last if last >= at else safe
            safe = max(self._last_line_end(opening.end()), safe)
            closing = self._closing(opening.end(), limit)
            if closing is None:
                return safe
            at = closing

    def _closing(self, at: int, limit: int) -> int | None:
        """Return the position after the quote that closes a field opened before `at`; doubled ones stand for one."""
        while True:
            quote_at = self._pending.find(self._quote, at, limit)
            if quote_at < 0:
                return None
            if self._pending[quote_at + 1 : quote_at + 2] != self._quote:
                return quote_at + 1
            at = quote_at + 2

    def open_quote_line(self) -> int | None:
        """Return the line, counted from 1 in the whole file, on which a quote opens that never closes."""
        at = 0
        while (opening := self._opening.search(self._pending, at)) is not None:
            closing = self._closing(opening.end(), len(self._pending))
            if closing is None:
                return self.lines_before + self.lines_in(opening.end()) + 1
            at = closing
        return None
