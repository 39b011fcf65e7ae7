"""Where a table ends in its text: notes below it, and a quote that opens in its last lines and never closes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from flows.lake.tables.records import ranged

TAIL_BYTES = 8 * 1024
"""How much of the end is looked at, and never parsed before all of it is there."""
_MOST_NOTES = 40
_TOTAL_BYTES = 2_048
_TOTAL = re.compile(r"(?:grand |sub)?tota(?:l|is|les|ls)\b|soma\b|sum\b|suma\b", re.IGNORECASE)


def notes_begin(tail: bytes, width: int, **how: Any) -> int | None:
    """Return where the notes below a table begin in the end of its text, `None` where there are none.

    A note is a record whose first cell alone is filled, where the rows above have more than that.

    Args:
        tail: The end of the text, from the beginning of a record on.
        width: The number of columns; of fewer than three no row can be told from a note.
        how: What `csv.reader` takes.
    """
    if width < 3:
        return None
    rows = list(ranged(tail, **how))
    notes = 0
    while notes < min(len(rows), _MOST_NOTES) and _is_note(rows[-1 - notes][2]):
        notes += 1
    table = rows[: len(rows) - notes]
    if not notes or len(table) < 3 or any(_is_note(fields) for _, _, fields in table[-200:]):
        return None
    if not any(fields[0].strip() for _, _, fields in rows[len(table) :]):
        return None  # nothing but delimiters: rows without values are rows
    if sum(len(fields) >= width - 1 for _, _, fields in table) < 0.8 * len(table):
        return None
    lines = tail.splitlines(keepends=True)
    return sum(map(len, lines[: table[-1][1]]))


def total_line(tail: bytes, **how: Any) -> int | None:
    """Return the line of the last record, counted from 1 in the end of a text, if it seems to be a total."""
    *_, (line, _, fields) = [(0, 0, [""]), *ranged(tail[-_TOTAL_BYTES:] if len(tail) > _TOTAL_BYTES else tail, **how)]
    if not line or not _TOTAL.match(fields[0].strip()):
        return None
    return tail.rstrip(b"\r\n").count(b"\n") + 1


def end_mark_begins(tail: bytes) -> int | None:
    """Return where the end mark of DOS stands as the last sign of a text, alone on its line; `None` without one."""
    text = tail.rstrip(b"\r\n")
    return len(text) - 1 if text.endswith(b"\n\x1a") else None


def _is_note(fields: Sequence[str]) -> bool:
    return not any(cell.strip() for cell in fields[1:])


def last_records_begin(text: bytes, records: int, **how: Any) -> int:
    """Return where the last records of a text begin."""
    starts = [first for first, _, _ in ranged(text, **how)][-records:]
    lines = text.splitlines(keepends=True)
    return sum(map(len, lines[: starts[0] - 1])) if starts else len(text)


def open_record_begins(text: bytes, **how: Any) -> tuple[int, int] | None:
    """Return where the last record of a text begins, in bytes, and how many lines there are from there on.

    `None` where the reader cannot say.
    """
    *_, (first, last, _) = [(0, 0, []), *ranged(text, **how)]
    lines = text.splitlines(keepends=True)
    if not first or last < len(lines):
        return None
    return sum(map(len, lines[: first - 1])), len(lines) - first + 1
