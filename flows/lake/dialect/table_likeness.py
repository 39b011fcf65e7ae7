"""Owns how much the rows that a delimiter leaves are like a table: widths, cells, quotes, and signs of prose.

Each part is a factor of 0 to 1. The cells are the dear part, so they are looked at only as far as it takes to know who
wins (`flows.lake.dialect.detection` asks for that).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from itertools import pairwise

from flows.lake.dialect.cell_types import LEAST_CELL_SCORE, cell_score, is_number, is_sure

Rows = list[list[str]]

_TYPED_ROWS = 150
_TYPED_CELLS = 2_000
_ROWS_AT_ONCE = 8
_ALIGNED = re.compile(r"\S {2,}\S.*")


def regularity(widths: list[int]) -> tuple[float, int]:
    """Return how regular the widths of rows are, 0 to 1, and the width of the table.

    Narrow rows before the table (a title, notes) and after it (totals, sources) cost little; rows of changing width
    that follow each other cost most.
    """
    counts = Counter(widths)
    narrow = counts.pop(1, 0) + counts.pop(0, 0)
    if not counts:
        return 0.0, 1
    width = max(counts, key=lambda each: (counts[each] * (1 - 1 / (each + 1)), each))
    if counts[width] == len(widths):
        return 1.0, width
    first = widths.index(width)
    last = len(widths) - widths[::-1].index(width)
    body = widths[first:last]
    share = counts[width] / len(body)
    edges = len(widths) - len(body)
    cut = 1 - narrow / len(widths)
    steady = sum(a == b for a, b in pairwise(body)) / max(1, len(body) - 1) if len(body) > 1 else 1.0
    outside = 1 - 0.5 * edges / len(widths)
    return max(share, 0.8 * steady) * outside * (0.4 + 0.6 * cut), width


def typed(rows: Rows, enough: float, *, tabs: bool = False) -> float:
    """Return how much the cells look like whole cells, on average over evenly spread rows.

    Args:
        rows: The rows.
        enough: Stop as soon as the average is at least this, whatever comes; what is returned is then a lower bound.
        tabs: Whether cells may hold tabs: text has none, so such a cell is as many cells, and none of them right.
    """
    body = [row for row in rows if len(row) > 1] or rows
    wanted = max(20, min(_TYPED_ROWS, _TYPED_CELLS // len(body[0])))
    body = body[:: max(1, len(body) // wanted)][:wanted]
    left = sum(map(len, body))
    total, cells = 0.0, 0.0
    for number, row in enumerate(body, start=1):
        filled = [cell for cell in row[:200] if cell and not cell.isspace()]
        empty = 0.2 * (min(len(row), 200) - len(filled))
        total += sum(map(cell_score, filled)) + 0.8 * empty
        cells += len(filled) + empty
        if tabs:
            cells += sum(cell.strip().count("\t") for cell in filled)
        left -= len(row)
        if left and number % _ROWS_AT_ONCE == 0:
            least = (total + LEAST_CELL_SCORE * left) / (cells + left)
            if least >= enough:
                return least
    return total / cells if cells else 0.0


def share_beside(text: str, delimiter: str, mark: str) -> float | None:
    """Return the share of quotes that stand where this delimiter would have them; None if there are hardly any."""
    if mark not in text:
        return None
    doubled = text.replace(mark * 2, "").replace("\\" + mark, "")
    total = doubled.count(mark)
    if total < 2:
        return None
    before = [delimiter + mark, "\n" + mark, "\r" + mark]
    if delimiter != " ":
        before += [delimiter + " " + mark, "\n " + mark]
    opening = sum(map(doubled.count, before)) + doubled.startswith((mark, " " + mark))
    closing = sum(map(doubled.count, (mark + delimiter, mark + "\n", mark + "\r"))) + doubled.endswith(mark)
    if opening >= 2 and closing < 0.2 * opening:  # quotes that open and do not close
        return 2 * closing / total
    return min(1.0, (opening + closing) / total)


def reads_as_prose(rows: Rows, text: str, delimiter: str) -> bool:
    """Whether a sign is punctuation: a blank follows it, and what stands between are words, not names or numbers."""
    if text.count(delimiter + " ") < 0.9 * text.count(delimiter):
        return False
    if sum(len(row) > 1 for row in rows) < 0.5 * len(rows):
        return True
    cells = [cell for row in rows[:_TYPED_ROWS] for cell in row if cell.strip()]
    return sum(len(cell.split()) >= 3 for cell in cells) > 0.5 * len(cells)


def is_clear(rows: Rows, width: int, regular: float, delimiter: str, text: str) -> bool:
    """Return whether a sign that is common in text can only be a delimiter here."""
    if delimiter == " ":
        return regular > 0.8 and _is_clear_blank(rows, width, regular, text)
    if regular <= 0.75 or len(rows) < (3 if regular < 1 or width == 2 else 2):
        return False
    if width == 2:  # keys and values; neither lists of names that begin alike, nor what is said of them
        return regular == 1 and delimiter + " " not in text and 2 * len({row[0] for row in rows}) > len(rows)
    return regular > (0.75 if share_of(is_number, rows) > 0.5 else 0.9)


def _is_clear_blank(rows: Rows, width: int, regular: float, text: str) -> bool:
    """Whether blanks align columns, stand between numbers and dates, or leave words in a way that texts do not."""
    if len(_ALIGNED.findall(text)) >= 0.8 * len(rows):
        return True
    if regular == 1 and width >= 4 and len(rows) >= 4:  # one column of four words in each row is no text
        return True
    numbers = share_of(is_number, rows)
    if numbers > (0.5 if regular < 1 else 0.4) or (width >= 4 and numbers > 0.2):
        return True
    return width >= 3 and share_of(is_sure, rows) > 0.8


def share_of(kind: Callable[[str], bool], rows: Rows) -> float:
    """Return which share of the cells that are not empty are of a kind."""
    cells = [cell for row in rows[:_TYPED_ROWS] for cell in row if cell]
    return sum(map(kind, cells)) / max(1, len(cells))


def is_list_of_terms(rows: Rows, width: int, delimiter: str) -> bool:
    """Whether rows of any length are lists of short terms, as baskets are, and not sentences; or of numbers alone."""
    if delimiter in " :":
        in_most = sum(len(row) > 1 for row in rows) > 0.7 * len(rows) >= 1.4
        return in_most and width >= 4 and share_of(is_number, rows[1:]) > 0.8
    if len(rows) < 3:
        return False
    cells = [cell for row in rows[:_TYPED_ROWS] for cell in row if cell.strip()]
    short = sum(len(cell) < 40 and cell == cell.strip() and len(cell.split()) <= 3 for cell in cells)
    return short > (0.5 if delimiter in "\t~^" else 0.9) * len(cells)
