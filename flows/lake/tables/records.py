"""Owns the walk over a block's records with the standard library's reader, for the few that are looked at one by one.

That reader and pandas' parser share their rules of quoting; it tells lines and fields where pandas tells only values.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any


def records(block: bytes, delimiter: str, quotechar: str, **how: Any) -> Iterator[tuple[int, list[str]]]:
    """Yield the line, counted from 1, that each record begins on, and its fields; blank lines are none, as in pandas.

    It ends early at a field beyond the reader's limit (128 KB).

    Args:
        block: Whole records, as UTF-8.
        delimiter: The field separator.
        quotechar: The quote character.
        how: What else `csv.reader` takes.
    """
    for line, _, fields in ranged(block, delimiter=delimiter, quotechar=quotechar, **how):
        yield line, fields


def ranged(block: bytes, **how: Any) -> Iterator[tuple[int, int, list[str]]]:
    """Yield the first and the last line, counted from 1, of each record, and its fields.

    It ends early at a field beyond the reader's limit (128 KB).

    Args:
        block: Whole records, as UTF-8.
        how: What `csv.reader` takes.
    """
    reader = csv.reader(_lines(block), **how)
    raw: list[str] | None = None
    line = 1
    try:
        for fields in reader:
            if len(fields) < 2 and not (fields and fields[0].strip()):
                # A quoted blank is a value, which the line alone tells.
                raw = list(_lines(block)) if raw is None else raw
                if all(each.isspace() for each in raw[line - 1 : reader.line_num]):
                    line = reader.line_num + 1
                    continue
            yield line, reader.line_num, fields
            line = reader.line_num + 1
    except csv.Error:
        return


def _lines(block: bytes) -> io.TextIOWrapper:
    """Return a text's lines with their ends, of which there are three; decoded as they are read."""
    return io.TextIOWrapper(io.BytesIO(block), encoding="utf-8", errors="replace", newline="")


@dataclass(frozen=True)
class Sorted:
    """A block without the records that are too long for its table.

    Attributes:
        block: What is left.
        lines: The line in the first block that each of its lines was.
        bad: The line on which each record that was taken out begins, and how many fields it has.
        short: How many of those left have too few fields.
    """

    block: bytes
    lines: list[int]
    bad: list[tuple[int, int]]
    short: int


def without_long(block: bytes, width: int, headers: int, **how: Any) -> Sorted | None:
    """Take the records out of a block that have more fields than the table; `None` where it cannot be walked through.

    Args:
        block: Whole records, as UTF-8.
        width: The number of fields of a record.
        headers: How many records at the top are no rows.
        how: What `csv.reader` takes.
    """
    lines = block.splitlines(keepends=True)
    kept: list[int] = []
    bad: list[tuple[int, int]] = []
    short = last = 0
    for number, (first, last, fields) in enumerate(ranged(block, **how)):
        if number >= headers and len(fields) > width:
            bad.append((first, len(fields)))
            continue
        short += number >= headers and len(fields) < width
        kept += range(first, last + 1)
    if any(line.strip() for line in lines[last:]):
        return None  # the reader stopped at a field that is too large for it
    return Sorted(b"".join(lines[line - 1] for line in kept), kept, bad, short)
