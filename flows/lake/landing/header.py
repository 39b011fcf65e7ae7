"""Owns the way to the header: the lines above it, and what is wrong where a rule's column is not in it once.

Nothing here quotes the header: that of a file without one is a row of data.
"""

from __future__ import annotations

from collections.abc import Sequence

from flows.lake.landing.recoding import BYTE_ORDER_MARK


def why_not_one(column: str, names: Sequence[str]) -> tuple[str, str]:
    """Return why a column is not to be found once among the header's names, and what to do about it."""
    count = names.count(column)
    if count:
        remedy = "Nobody can tell which one is meant: ask the file's source for names that differ."
        return f"the header has the column {count} times", remedy
    if any(name.strip().casefold() == column.strip().casefold() for name in names):
        return "the header has the column in other letters or with blanks", "Write it in the rule as the file does."
    remedy = "Correct the rule if the column has a new name, or take it out if the column is gone for good."
    return "the header has no such column", remedy


def start_of_header(data: bytes, above: int, encoding: str) -> int | None:
    """Return where the header begins, behind a byte order mark, the lines above it and blank ones; `None` for later."""
    begin = len(BYTE_ORDER_MARK) if encoding.startswith("utf") and data.startswith(BYTE_ORDER_MARK) else 0
    while begin < len(data):
        stop = _line_stop(data, begin)
        if above <= 0 and data[begin:stop].strip(b" \t\r\n"):
            return begin
        begin, above = stop, above - 1
    return begin


def _line_stop(data: bytes, begin: int) -> int:
    """Return where the first byte after a line is."""
    feed, back = data.find(b"\n", begin), data.find(b"\r", begin)
    if back < 0 or 0 <= feed < back:
        return feed + 1 if feed >= 0 else len(data)
    return back + (2 if data[back + 1 : back + 2] == b"\n" else 1)


def lines_in(data: bytes, begin: int, stop: int) -> int:
    """Return how many lines end in a range, whichever way they end."""
    feeds = data.count(b"\n", begin, stop)
    if data.find(b"\r", begin, stop) < 0:
        return feeds
    return feeds + data.count(b"\r", begin, stop) - data.count(b"\r\n", begin, stop)
