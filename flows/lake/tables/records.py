"""Owns the walk over a block's records with the standard library's reader, for the few that are looked at one by one.

That reader and pandas' parser share their rules of quoting; it tells lines and fields where pandas tells only values.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator


def records(block: bytes, delimiter: str, quotechar: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the line, counted from 1, that each record begins on, and its fields; blank lines are none, as in pandas.

    It ends early at a field beyond the reader's limit (128 KB).

    Args:
        block: Whole records, as UTF-8.
        delimiter: The field separator.
        quotechar: The quote character.
    """
    text = io.TextIOWrapper(io.BytesIO(block), encoding="utf-8", errors="replace", newline="")
    reader = csv.reader(text, delimiter=delimiter, quotechar=quotechar)
    line = 1
    try:
        for fields in reader:
            if len(fields) > 1 or (fields and not fields[0].isspace()):
                yield line, fields
            line = reader.line_num + 1
    except csv.Error:
        return
