"""Which record of a file names its columns, by what the cells below it are; none only where that is certain."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence

from flows.lake.dialect.cell_types import is_number

Record = tuple[int, int, list[str]]
"""The line on which a record begins, the one on which it ends, and its fields; both counted from 1."""

_YEAR = re.compile(r"(?:19|20)\d\d(?:[-/.]?(?:0?[1-9]|1[0-2]))?")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}(?:[T ].*)?|\d{1,2}[/.]\d{1,2}[/.]\d{2,4}(?: .*)?|\d{1,2}:\d{2}(?::\d{2})?")


def is_upper_header(records: Sequence[Record], start: int, width: int) -> bool:
    """Return whether the header goes on below: a line with gaps above one that names each column, above data."""
    if len(records) < start + 3:
        return False
    upper, lower = records[start][2], records[start + 1][2]
    body = [fields for _, _, fields in records[start + 2 : start + 52] if len(fields) == width]
    if len(upper) != width or len(lower) != width or len(body) < 1:
        return False
    gaps = sum(not cell.strip() for cell in upper)
    named = all(cell.strip() for cell in lower) and len(set(lower)) == width
    if not (gaps >= max(1, width // 4) and named and not any(map(_is_value, lower))):
        return False
    typed = [place for place in range(width) if all(_is_value(row[place]) or not row[place].strip() for row in body)]
    return bool(typed) and any(body[0][place].strip() for place in typed)


def names_columns(record: Sequence[str], body: Sequence[Sequence[str]], width: int) -> bool:
    """Return whether a record holds words above columns of values."""
    if len(record) != width or not all(cell.strip() for cell in record) or any(map(_is_value, record)):
        return False
    rows = [row for row in body if len(row) == width]
    return len(rows) >= 2 and any(all(_is_value(row[place]) for row in rows[:20]) for place in range(width))


def has_header(table: Sequence[Record], width: int) -> bool:
    """Return whether the first record names the columns; only where it certainly does not, there is none."""
    first = table[0][2]
    body = [fields for _, _, fields in table[1:] if len(fields) == width and fields != first]
    if len(first) != width or len(body) < 2:
        return True
    if [cell.strip() for cell in first] in (list(map(str, range(width))), list(map(str, range(1, width + 1)))):
        return True
    values = 0
    for place in range(width):
        cells = [row[place].strip() for row in body if row[place].strip()]
        cell = first[place].strip()
        if len(cells) < 2:
            continue
        if sum(map(_is_value, cells)) >= 0.95 * len(cells):
            if not cell:
                continue
            if not _is_value(cell):
                return True
            if _YEAR.fullmatch(cell) and not all(map(_YEAR.fullmatch, cells)):
                return True  # a column of a year
            values += 1
    if not values:
        return _has_words_that_do_not_come_again(first, body)
    if all(_is_small_count(cell) for cell in first if _is_value(cell.strip())):
        return not _comes_again(first, body)  # columns that are numbered
    return False


def _has_words_that_do_not_come_again(first: Sequence[str], body: Sequence[Sequence[str]]) -> bool:
    again = sum(
        bool(cell.strip()) and sum(row[place] == cell for row in body) >= max(2, 0.1 * len(body))
        for place, cell in enumerate(first)
    )
    return len(body) < 10 or again < max(2, len(first) // 3)


def _comes_again(first: Sequence[str], body: Sequence[Sequence[str]]) -> bool:
    return sum(any(row[place] == cell for row in body) for place, cell in enumerate(first) if cell.strip()) >= 2


def _is_small_count(cell: str) -> bool:
    return cell.strip().isdigit() and len(cell.strip()) <= 4


def _is_value(cell: str) -> bool:
    """Return whether a cell is a number, a date or a time, as names of columns are not."""
    text = cell.strip()
    return bool(text) and (is_number(text) or _DATE.fullmatch(text) is not None)


def lead_lines(text: str, delimiter: str, quotechar: str, width: int) -> int:
    """Return how many lines, blank ones included, stand before the first row of the table's width."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, quotechar=quotechar)
    before = 0
    try:
        for row in reader:
            # One field less is a header without a name for the row names (R writes that).
            if len(row) >= width or (len(row) == width - 1 > 1 and all(row) and not before):
                return before
            before = reader.line_num
    except csv.Error:
        pass
    return 0
