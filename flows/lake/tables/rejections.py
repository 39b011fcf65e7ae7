"""Owns the words for what pandas' parser objects to: which line it is in the file, and what to do about it."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from flows.lake.errors import CsvRejected
from flows.lake.models import BadRow
from flows.lake.tables.blocks import MAX_RECORD_BYTES, Blocks
from flows.lake.units import MIB

_RAGGED = re.compile(r"Expected (\d+) fields in line (\d+), saw (\d+)")
_OPEN_QUOTE = "EOF inside string"


def is_open_quote(error: Exception) -> bool:
    """Return whether the parser was left inside a quoted field at the end of its input."""
    return _OPEN_QUOTE in str(error)


def is_ragged(error: Exception) -> bool:
    """Return whether the parser objected to a row with too many fields."""
    return _RAGGED.search(str(error)) is not None


def ragged(line: int, expected: int, seen: int) -> ValueError:
    """Return what the parser says of a row with too many fields, where it takes some of them for an index instead."""
    return ValueError(f"Expected {expected} fields in line {line}, saw {seen}")


def too_many_bad(
    path: Path, bad: Sequence[BadRow], count: int, rows: int, encoding: str, delimiter: str
) -> CsvRejected:
    """Return the rejection of a file in which more rows cannot be cut than is accepted."""
    first, of = bad[0], f"{count:,} of {rows + count:,} rows cannot be read as the others; the first: "
    reason = f"this row has {first.reason}." if "fields" in first.reason else f"{first.reason}."
    return CsvRejected(
        path,
        (of if count > 1 else "") + reason,
        line=first.line,
        delimiter=delimiter,
        encoding=encoding,
        remedy="Look for a delimiter inside an unquoted value, or for lines above the header; if the delimiter is "
        "another one, state it in the contract of the dataset (read). To land it without such rows, raise "
        "bad_rows_percent.",
    )


def rejected(
    path: Path,
    problem: Exception | None,
    blocks: Blocks,
    encoding: str,
    delimiter: str,
    quotechar: str,
    first: bool,
) -> CsvRejected:
    """Return the rejection for what the parser said of the pending text.

    Args:
        path: The file.
        problem: What pandas raised; None where no cut was to be had at all.
        blocks: The pending text.
        encoding: The codec that was tried.
        delimiter: The delimiter that was tried.
        quotechar: The quote character that was tried.
        first: Whether the text begins with the file's own header.
    """
    if isinstance(problem, pd.errors.EmptyDataError):
        return CsvRejected(path, "it holds nothing but blank lines.", line=1, remedy="Ask its source for the data.")
    if problem is None or is_open_quote(problem):
        return _open_quote(path, blocks, encoding, delimiter, quotechar)
    ragged = _RAGGED.search(str(problem))
    if ragged:
        expected, record, seen = map(int, ragged.groups())
        line = blocks.lines_before + _line_of(blocks.head(MAX_RECORD_BYTES), record - (not first), delimiter, quotechar)
        return ragged_row(path, line, expected, seen, encoding, delimiter)
    text = str(problem).removeprefix("Error tokenizing data. C error: ").strip().rstrip(".")
    return CsvRejected(
        path,
        f"pandas cannot read it: {text or type(problem).__name__}.",
        line=blocks.lines_before + 1,
        delimiter=delimiter,
        encoding=encoding,
    )


def too_wide(path: Path, line: int, columns: int, limit: int, encoding: str, delimiter: str) -> CsvRejected:
    """Return the rejection of a file with more columns than the limit."""
    return CsvRejected(
        path,
        f"it has {columns:,} columns, and the limit is {limit:,}.",
        line=line,
        delimiter=delimiter,
        encoding=encoding,
        remedy=f"If that is meant, raise the limit (max_columns={columns}); if not, check the delimiter.",
    )


def ragged_row(path: Path, line: int, expected: int, seen: int, encoding: str, delimiter: str) -> CsvRejected:
    """Return the rejection for a row with more fields than the rows before it."""
    return CsvRejected(
        path,
        f"this row has {seen:,} fields where {expected:,} are expected.",
        line=line,
        delimiter=delimiter,
        encoding=encoding,
        remedy="Look for a delimiter inside an unquoted value, or for lines above the header; if the delimiter is "
        "another one, state it in the contract of the dataset (read).",
    )


def _open_quote(path: Path, blocks: Blocks, encoding: str, delimiter: str, quotechar: str) -> CsvRejected:
    opened = blocks.open_quote_line()
    ends = "the end of the file" if blocks.at_end else f"the next {MAX_RECORD_BYTES // MIB} MB"
    what = "a quoted field opens here" if opened else "a record begins here"
    return CsvRejected(
        path,
        f"{what} that does not close before {ends}.",
        line=opened or blocks.lines_before + 1,
        delimiter=delimiter,
        encoding=encoding,
        opens_quote=True,
        remedy=f"Close or double the quote {quotechar} there; if the file does not use quotes, state quoting: none "
        "in its contract (read).",
    )


def _line_of(text: bytes, record: int, delimiter: str, quotechar: str) -> int:
    """Return the line, counted from 1, on which the record number `record`, blank ones counted, begins."""
    reader = csv.reader(
        io.StringIO(text.decode("utf-8", errors="replace"), newline=""), delimiter=delimiter, quotechar=quotechar
    )
    try:
        for _ in range(record - 1):
            next(reader)
    except (csv.Error, StopIteration):
        return record
    return reader.line_num + 1
