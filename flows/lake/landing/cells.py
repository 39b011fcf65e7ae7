r"""Owns the finding of cells in bytes: where each begins and ends, by the rules of pandas' tokenizer.

A quote opens a cell only at its first byte; inside, two quotes stand for one; elsewhere a quote is a sign like any
other. A line ends at a line feed, a carriage return or both, outside quotes; blank lines, and lines of blanks alone,
are no rows (`tokenize_bytes` in pandas/_libs/src/parser/tokenizer.c).

Key decision: the marks (delimiters and line ends outside quotes) of a block are found by NumPy at once, with the
parity of the quotes before each byte. That is exact up to the first quote that is neither at a cell's edge, nor
doubled, nor amid the signs of a cell without quotes; from there a few records are walked one by one, and then it goes
on. What other readers would cut in another way (a quoted cell that goes on after its closing quote) is a `Misfit`:
what is not certain is not masked.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from flows.lake.units import KIB

Positions = np.ndarray[Any, np.dtype[np.int64]]

_LF, _CR = 10, 13
_WALK_BYTES = 4 * KIB
"""How far is walked, at least, once a quote forbids to go on by parity."""


class Misfit(Exception):
    """A row that is not what the others are; says why and where, never what it holds."""

    def __init__(self, at: int, reason: str) -> None:
        super().__init__(reason)
        self.at = at
        self.reason = reason


@dataclass(frozen=True)
class Layout:
    """The signs that cut a text into cells, one byte each.

    Attributes:
        delimiter: What stands between two cells.
        quote: What stands around a cell that holds a delimiter or a line end; `None` where nothing does.
    """

    delimiter: bytes
    quote: bytes | None

    @cached_property
    def record(self) -> re.Pattern[bytes]:
        """One cell, and in group 1 what ends it, which is nothing at the end of the text."""
        delimiter = re.escape(self.delimiter)
        end = rb"(" + delimiter + rb"|\r\n|\r|\n|\Z)"
        plain = rb"[^" + delimiter + rb"\r\n]*+"
        if self.quote is None:
            return re.compile(plain + end)
        quote = re.escape(self.quote)
        closed = quote + rb"(?:[^" + quote + rb"]++|" + quote * 2 + rb")*+" + quote
        return re.compile(rb"(?:" + closed + rb"|(?!" + quote + rb")" + plain + rb")" + end)


@dataclass(frozen=True)
class Marks:
    """The delimiters and line ends of whole records.

    Attributes:
        at: Where they stand, ascending.
        is_end: Whether each ends its record.
        begin: Where the first record begins.
        stop: Where the first byte after the last record is.
    """

    at: Positions
    is_end: np.ndarray[Any, np.dtype[np.bool_]]
    begin: int
    stop: int


@dataclass(frozen=True)
class Rows:
    """The cells of rows of one width.

    Attributes:
        begins: Where each row begins.
        ends: Where each cell ends, a row for each row.
    """

    begins: Positions
    ends: Positions

    def span(self, column: int) -> tuple[Positions, Positions]:
        """Return where the cells of a column begin and end."""
        return (self.ends[:, column - 1] + 1 if column else self.begins), self.ends[:, column]


def find_marks(data: bytes, begin: int, limit: int, layout: Layout, *, at_end: bool) -> Marks | None:
    """Return the marks of the records that begin at a place and are whole before a limit.

    Args:
        data: The text.
        begin: Where a record begins.
        limit: How far to look; a record that is longer than that is not found.
        layout: What cuts the text.
        at_end: Whether the text ends where the data does.

    Returns:
        `None` where not one record is whole.

    Raises:
        Misfit: A quoted cell does not end at its closing quote.
    """
    limit = min(limit, len(data))
    ends_here = at_end and limit == len(data)
    text = np.frombuffer(data, np.uint8, limit - begin, begin)
    is_end = _line_ends(data, text, begin, limit, ends_here)
    at = np.flatnonzero(is_end | (text == layout.delimiter[0]))
    trusted = limit - begin
    if layout.quote is not None and data.find(layout.quote, begin, limit) >= 0:
        quotes = np.flatnonzero(text == layout.quote[0])
        if _opens_any(text, quotes, layout):
            quotes, trusted = _without_loose(text, quotes, layout)
            trusted = min(trusted, _first_stray(text, quotes, layout))
            at = _outside(at, quotes, trusted)
            ends_here = ends_here and trusted == len(text) and len(quotes) % 2 == 0
    ends = is_end[at]
    at += begin
    if ends_here and (not len(at) or at[-1] != limit - 1 or not ends[-1]):
        return Marks(np.append(at, limit), np.append(ends, True), begin, limit)
    whole = np.flatnonzero(ends)
    if len(whole):
        count = int(whole[-1]) + 1
        return Marks(at[:count], ends[:count], begin, int(at[count - 1]) + 1)
    return _walk(data, begin, layout, at_end=at_end) if trusted < len(text) else None


def _line_ends(data: bytes, text: np.ndarray[Any, Any], begin: int, limit: int, ends_here: bool) -> Any:
    """Return which bytes are the last one of a line end."""
    is_end = text == _LF
    if data.find(b"\r", begin, limit) < 0:
        return is_end
    alone = text == _CR
    alone[:-1] &= ~is_end[1:]
    alone[-1] &= ends_here  # its line feed may be still to come
    return is_end | alone


def _opens_any(text: np.ndarray[Any, Any], quotes: Positions, layout: Layout) -> bool:
    """Return whether any quote stands where a cell begins; where none does, quotes are signs like any other."""
    return quotes[0] == 0 or bool(_is_edge(text[quotes - 1], layout).any())


def _is_edge(signs: np.ndarray[Any, Any], layout: Layout) -> Any:
    return (signs == layout.delimiter[0]) | (signs == _LF) | (signs == _CR)


def _without_loose(text: np.ndarray[Any, Any], quotes: Positions, layout: Layout) -> tuple[Positions, int]:
    """Leave out quotes with a common sign on either side, which are signs themselves outside quoted cells.

    Returns:
        The other quotes, and where the first one left out stands in a quoted cell, which is the length where none does.
    """
    before, after = text[np.maximum(quotes - 1, 0)], text[np.minimum(quotes + 1, len(text) - 1)]
    quote = text[quotes[0]]
    loose = ~(_is_edge(before, layout) | (before == quote) | _is_edge(after, layout) | (after == quote))
    if not loose.any():
        return quotes, len(text)
    left, out = quotes[~loose], quotes[loose]
    inside = out[np.searchsorted(left, out) % 2 == 1]
    return left, int(inside[0]) if len(inside) else len(text)


def _outside(at: Positions, quotes: Positions, trusted: int) -> Positions:
    """Return the marks before a place that stand outside quotes; what opens last may close later."""
    at = at[: np.searchsorted(at, trusted)]
    opening, closing = np.searchsorted(at, quotes[0::2]), np.searchsorted(at, quotes[1::2])
    closing = np.append(closing, len(at))[: len(opening)]
    holds = closing > opening
    if not holds.any():
        return at
    depth = np.zeros(len(at) + 1, np.int8)
    depth[opening[holds]] += 1
    depth[closing[holds]] -= 1
    outside: Positions = at[np.cumsum(depth[:-1], dtype=np.int8) == 0]
    return outside


def _first_stray(text: np.ndarray[Any, Any], quotes: Positions, layout: Layout) -> int:
    """Return where the first quote is that is neither at a cell's edge nor doubled; the length where none is."""
    opening, closing = quotes[0::2], quotes[1::2]
    follows = np.empty(len(opening), bool)  # an opening one after a closing one: the two stand for one
    follows[:1] = False
    follows[1:] = opening[1:] == closing[: len(opening) - 1] + 1
    after_edge = _is_edge(text[opening - 1], layout) | (opening == 0)
    after = np.minimum(closing + 1, len(text) - 1)
    doubled = np.zeros(len(closing), bool)
    doubled[: len(opening) - 1] = follows[1:]
    before_edge = _is_edge(text[after], layout) | (closing == len(text) - 1)
    stray = [*opening[~(follows | after_edge)][:1], *closing[~(doubled | before_edge)][:1]]
    return int(min(stray, default=len(text)))


def _walk(data: bytes, begin: int, layout: Layout, *, at_end: bool) -> Marks | None:
    """Find the marks of some records cell by cell."""
    at: list[int] = []
    ends: list[bool] = []
    whole, place, stop = 0, begin, begin
    while place < len(data) and (not whole or stop - begin < _WALK_BYTES):
        found = layout.record.match(data, place)
        if found is None:
            misfit = _misfit(data, place, stop, layout, at_end)
            if misfit is None or whole:
                break
            raise misfit
        end, place = found.start(1), found.end()
        if not at_end and place == len(data):
            break  # the cell, or its line end, may go on
        ended = found[1] != layout.delimiter
        at.append(place - 1 if found[1] else end)
        ends.append(ended)
        if ended:
            whole, stop = len(at), place
        elif place == len(data):  # the last row ends with a delimiter: its last cell is empty
            at.append(place)
            ends.append(True)
            whole, stop = len(at), place
    if not whole:
        return None
    return Marks(np.array(at[:whole], np.int64), np.array(ends[:whole], bool), begin, stop)


def _misfit(data: bytes, place: int, record: int, layout: Layout, at_end: bool) -> Misfit | None:
    """Return what is wrong with a quoted cell; `None` where it may still close."""
    quote = re.escape(layout.quote or b"")
    inside = re.compile(quote + rb"(?:[^" + quote + rb"]++|" + quote * 2 + rb")*+").match(data, place)
    end = inside.end() if inside else place
    if end < len(data) - 1:
        return Misfit(record, "a quoted cell goes on after its closing quote, so that readers cut this row differently")
    return Misfit(record, "a quoted cell opens that never closes") if at_end and end >= len(data) else None


def rows_of(data: bytes, marks: Marks, width: int) -> Rows:
    """Return the cells of rows that all have one width.

    Raises:
        Misfit: A row has another number of cells.
    """
    ends = np.flatnonzero(marks.is_end)
    at = marks.at
    counts = np.diff(ends, prepend=-1)
    begins = np.empty(len(ends), np.int64)
    begins[0], begins[1:] = marks.begin, at[ends[:-1]] + 1
    stops = at[ends]
    if data.find(b"\r", marks.begin, marks.stop) >= 0:
        text = np.frombuffer(data, np.uint8)
        feeds = (stops < len(data)) & (stops > begins)
        pairs = np.flatnonzero(feeds)
        pairs = pairs[(text[stops[pairs]] == _LF) & (text[stops[pairs] - 1] == _CR)]
        at = at.copy()
        at[ends[pairs]] -= 1
        stops = at[ends]
    is_row = counts == width
    if width == 1:
        is_row &= stops > begins
    if not is_row.all():
        for line in np.flatnonzero(~is_row).tolist():
            begin, stop = int(begins[line]), int(stops[line])
            if counts[line] > 1 or data[begin:stop].strip(b" \t"):
                raise Misfit(begin, f"this row has {counts[line]:,} fields where {width:,} are expected")
        at, begins = at[np.repeat(is_row, counts)], begins[is_row]
    return Rows(begins, at.reshape(-1, width))
