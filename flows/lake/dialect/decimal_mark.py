"""Owns the guess at a table's decimal mark, from its cells."""

from __future__ import annotations

import re
from collections import Counter

_ROWS = 150
_COMMA_NUMBER = re.compile(r"\s*[-+]?\d+,\d+(?:[eE][-+]?\d+)?\s*")
_POINT_NUMBER = re.compile(r"\s*[-+]?\d+\.\d+(?:[eE][-+]?\d+)?\s*")


def decimal_mark(delimiter: str, rows: list[list[str]]) -> str:
    """Return the decimal mark: a comma where `;` cuts and more columns speak for it than against it."""
    if delimiter != ";":
        return "."
    return "," if _columns_of(_COMMA_NUMBER, rows) > _columns_of(_POINT_NUMBER, rows) else "."


def _columns_of(pattern: re.Pattern[str], rows: list[list[str]]) -> int:
    """Return in how many columns nearly all values that are not whole numbers match a pattern."""
    hits: Counter[int] = Counter()
    others: Counter[int] = Counter()
    for row in rows[1:_ROWS]:
        for position, cell in enumerate(row):
            text = cell.strip()
            if text and not text.lstrip("+-").isdigit():
                (hits if pattern.fullmatch(text) else others)[position] += 1
    return sum(count > 9 * others[position] for position, count in hits.items())
