"""What the cells of a column seem to mean, from the first rows: suggestions with their evidence, for a person to state.

Nothing here changes how a file is read (docs/decisions/0100): a code with leading zeros is a number to pandas until
somebody says otherwise.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

from flows.lake.dialect.headers import Record
from flows.lake.models import Hint
from flows.lake.words import quoted

MOST_ROWS = 60
MOST_COLUMNS = 200
MOST_SUGGESTIONS = 8
_LEAST_CELLS = 2
_LONGEST_NAME = 60
_LONGEST_CELL = 40
_LONGEST_NUMBER = 18
_BEGINS_NUMBERS = "-+(R$U€£"
_NUMBER = re.compile(r"[-+]?\d+(?:[.,]\d+)?")
_DATE = re.compile(r"(\d{1,2})([/.-])(\d{1,2})\2(\d{4}|\d{2})(?: \d{1,2}:\d{2}(?::\d{2})?)?")
_THOUSANDS = re.compile(r"[-+]?\d{1,3}(?:([.,])\d{3})+(?:(?!\1)[.,]\d+)?")
_CURRENCY = re.compile(r"[-+(]?\s?(?:R\$|US\$|\$|€|£|¥)\s?[-+]?[\d.,]+\)?|[-+]?[\d.,]+\s?(?:€|£|R\$)")
_PERCENT = re.compile(r"[-+]?\d+(?:[.,]\d+)?\s?%")
_BOOLEANS = (
    frozenset({"sim", "não"}),
    frozenset({"sim", "nao"}),
    frozenset({"s", "n"}),
    frozenset({"yes", "no"}),
    frozenset({"y", "n"}),
    frozenset({"sí", "no"}),
    frozenset({"v", "f"}),
)

_YES_OR_NO = frozenset().union(*_BOOLEANS)

Cell = tuple[int, str]
"""A line, and a cell's text without blanks around it."""


def suggestions(records: Sequence[Record], has_header: bool) -> list[str]:
    """Return what the columns of a table seem to mean, a sentence each.

    Args:
        records: The table's first records, its header included.
        has_header: Whether the first one names the columns.
    """
    if len(records) < has_header + _LEAST_CELLS:
        return []
    header = records[0][2] if has_header else []
    rows = [record for record in records[has_header : MOST_ROWS + 1] if len(record[2]) >= len(header)]
    hints: list[str] = []
    width = min(len(header) or len(records[0][2]), MOST_COLUMNS)
    for place in range(width):
        if not _may_mean(rows, place):
            continue
        cells = [(line, text) for line, _, fields in rows if place < len(fields) and (text := fields[place].strip())]
        if len(cells) >= _LEAST_CELLS and (found := _of_column(cells)):
            name = header[place] if has_header else str(place)
            hints.append(_hint(name, *found, len(cells)))
    more = len(hints) - MOST_SUGGESTIONS
    return hints[:MOST_SUGGESTIONS] + ([f"{more} more columns seem to mean more than they say."] if more > 0 else [])


def _hint(name: str, meaning: str, fitting: list[Cell], cells: int) -> Hint:
    """Return a suggestion with its evidence, and without it."""
    line, text = fitting[0]
    said = f"{quoted(name, _LONGEST_NAME)} {meaning}"
    evidence = f"{len(fitting)} of the first {cells} cells, line {line:,}"
    return Hint(f"{said} ({evidence}: {quoted(text, _LONGEST_CELL)}).", f"{said} ({evidence}).")


def _may_mean(rows: Sequence[Record], place: int) -> bool:
    """Return whether it is worth looking at a column's cells: names and words mean what they say."""
    first = next((text for _, _, fields in rows if place < len(fields) and (text := fields[place].strip())), "")
    if first.isdigit():
        return len(first) > _LONGEST_NUMBER or any(
            place < len(row) and row[place].startswith("0") and row[place] != "0" for _, _, row in rows
        )
    return first[:1].isdigit() or first[:1] in _BEGINS_NUMBERS or first.lower() in _YES_OR_NO


def _of_column(cells: list[Cell]) -> tuple[str, list[Cell]] | None:
    """Return what a column's cells seem to mean, and those that say so."""
    first = cells[0][1]
    if first.isdigit():
        return _codes(cells)
    if first[0].isdigit() or first[0] in _BEGINS_NUMBERS:
        kinds: tuple[tuple[re.Pattern[str], Callable[[list[Cell]], str | None]], ...] = (
            (_DATE, _dates),
            (_PERCENT, lambda _: "holds percentages, which pandas reads as text"),
            (_CURRENCY, lambda _: "holds amounts of money with their currency, which pandas reads as text"),
            (_THOUSANDS, _thousands),
        )
        for pattern, said in kinds:
            fitting = _fitting(pattern, cells)
            if fitting and (meaning := said(fitting)):
                return meaning, fitting
        return _mixed_thousands(cells)
    distinct = {text.lower() for _, text in cells}
    is_boolean = len(distinct) == 2 and distinct in _BOOLEANS
    return ("says yes or no in words, which pandas reads as text", cells) if is_boolean else None


def _fitting(pattern: re.Pattern[str], cells: list[Cell]) -> list[Cell]:
    """Return the cells that a pattern fits, none as soon as it is clear that they are fewer than nine in ten."""
    fitting: list[Cell] = []
    for place, cell in enumerate(cells, 1):
        if pattern.fullmatch(cell[1]):
            fitting.append(cell)
        elif len(cells) - place + len(fitting) < 0.9 * len(cells):
            return []
    return fitting


def _codes(cells: list[Cell]) -> tuple[str, list[Cell]] | None:
    if not all(text.isdigit() for _, text in cells):
        return None
    if zeros := [cell for cell in cells if cell[1][0] == "0" and len(cell[1]) > 1]:
        return "seems to hold codes, which lose their zeros as numbers: state as: text", zeros
    if long := [cell for cell in cells if len(cell[1]) > _LONGEST_NUMBER]:
        return "seems to hold keys that are too long for numbers: state as: text", long
    return None


def _dates(cells: list[Cell]) -> str:
    parts = [match for _, text in cells if (match := _DATE.fullmatch(text))]
    sign = parts[0][2]
    year = "%Y" if len(parts[0][4]) == 4 else "%y"
    day_first = any(int(match[1]) > 12 for match in parts)
    month_first = any(int(match[3]) > 12 for match in parts)
    forms = [f"%d{sign}%m{sign}{year}"] * (not month_first) + [f"%m{sign}%d{sign}{year}"] * (not day_first)
    return f"holds dates of the form {' or '.join(forms) or 'that changes'}, which pandas reads as text"


def _thousands(cells: list[Cell]) -> str | None:
    marks = {match[1] for _, text in cells if (match := _THOUSANDS.fullmatch(text))}
    if len(marks) != 1:
        return None
    mark = marks.pop()
    other = "," if mark == "." else "."
    decimal = f", decimal: '{other}'" if any(other in text for _, text in cells) or mark == "." else ""
    return f"seems to mark thousands with {mark!r}, as pandas does not: state read: {{thousands: '{mark}'{decimal}}}"


def _mixed_thousands(cells: list[Cell]) -> tuple[str, list[Cell]] | None:
    """Return the meaning of a column of which only the large numbers have marks."""
    marked = [cell for cell in cells if _THOUSANDS.fullmatch(cell[1])]
    sure = [cell for cell in marked if sum(map(cell[1].count, ".,")) > 1]
    if not sure:
        return None
    numbers = sum(_NUMBER.fullmatch(text) is not None for _, text in cells)
    meaning = _thousands(sure) if len(marked) + numbers >= 0.9 * len(cells) else None
    return (meaning, sure) if meaning else None


def repeated_headers(block: bytes, header: bytes) -> Iterator[int]:
    """Yield where the header stands again in a block, in bytes."""
    line = b"\n" + header.rstrip(b"\r\n")
    at = block.find(line)
    while at >= 0:
        if block[at + len(line) : at + len(line) + 1] in (b"\n", b"\r", b""):
            yield at + 1
        at = block.find(line, at + 1)
