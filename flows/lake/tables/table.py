"""Owns the reading of a table out of a text: block by block, each by `pandas.read_csv` itself.

The text is cut into blocks of whole records (`flows.lake.tables.blocks`), each is read under a header that keeps it to
the width of the first, and what the blocks say of a column is merged by `flows.lake.tables.pandas_dtypes`. The first
block is small: from then on, columns that are text for good are no longer made into Python strings
(`flows.lake.tables.text_cells`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import cache
from io import BytesIO
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from flows.lake.dialect.encoding import Utf8Text
from flows.lake.errors import CsvRejected
from flows.lake.models import DEFAULT_MAX_COLUMNS, ColumnProfile, CsvDialect, DtypeEvidence
from flows.lake.tables import rejections
from flows.lake.tables.blocks import Blocks
from flows.lake.tables.evidence import find_evidence
from flows.lake.tables.hints import HintCollector
from flows.lake.tables.pandas_dtypes import Cells, ColumnMerge
from flows.lake.tables.records import records
from flows.lake.tables.text_cells import BYTES_DTYPE, count_known_cells
from flows.lake.tables.width import named_header
from flows.lake.units import KIB

FIRST_ROWS = 4_096
_ZERO = re.compile(r"\s*[+-]?0+\s*", re.ASCII)
_SHORT = 8 * KIB
_LONG_DIGITS = re.compile(rb"[0-9]{19}")


@dataclass(frozen=True)
class _Used:
    """The dialect that reads the file: nothing left open."""

    delimiter: str
    decimal: str
    quotechar: str


class Table:
    """The table in a text: rows and columns so far, and the reading of more.

    Args:
        path: The file, for messages.
        text: Its text.
        dialect: How it is written; what is left open is as in `pandas.read_csv`.
        chunk_rows: The most rows that are parsed at a time.
        max_columns: The most fields that the first two lines may have.
    """

    def __init__(
        self, path: Path, text: Utf8Text, dialect: CsvDialect, chunk_rows: int, max_columns: int = DEFAULT_MAX_COLUMNS
    ) -> None:
        self._path = path
        self._text = text
        self.dialect = _Used(dialect.delimiter or ",", dialect.decimal or ".", dialect.quotechar or '"')
        self._chunk_rows = max(chunk_rows, 1)
        self._max_columns = max_columns
        self._blocks = Blocks(text, self.dialect.delimiter, self.dialect.quotechar, min(self._chunk_rows, FIRST_ROWS))
        self._hints = HintCollector()
        quote, separator = re.escape(self.dialect.quotechar), re.escape(self.dialect.delimiter)
        self._minus_zero = re.compile(rf"-0+\s*(?:[{separator}{quote}\r\n]|$)".encode())
        self._names: list[str] = []
        self._index_columns = 0
        self._merges: list[ColumnMerge] = []
        self._dtypes: list[str] = []
        self._evidence: dict[int, DtypeEvidence] = {}
        self.rows = 0
        self.quoted = False

    def read(self) -> None:
        """Read the whole table.

        Raises:
            CsvRejected: pandas would not read it.
        """
        while self._blocks.fill():
            first = not self._names
            self._check_width(first)
            cut, block, frame = self._next_frame(first)
            if first:
                self._begin(block, frame)
            self._add(block, frame, first, last=self._blocks.is_all(cut))
            self.quoted = self.quoted or self.dialect.quotechar.encode() in block
            self._blocks.take(cut)
            del block, frame  # before the next ones are made: halves the memory, and the parser gets it back warm
        if not self._names:
            raise self._rejected(pd.errors.EmptyDataError(), True)

    def columns(self) -> tuple[ColumnProfile, ...]:
        """Return the columns as they are known now."""
        return tuple(
            ColumnProfile(name, *merge.result(), self._evidence.get(position))
            for position, (name, merge) in enumerate(zip(self._names, self._merges, strict=True))
        )

    def hints(self) -> tuple[str, ...]:
        """Return what a person should know of the table."""
        return self._hints.sentences(self._names, self._index_columns)

    def _next_frame(self, first: bool) -> tuple[int, bytes, pd.DataFrame]:
        """Parse the longest block whose end pandas confirms; return its length in the text, itself and its frame.

        A block is a small CSV file: all but the first, which has the file's own header, are given one of numbers.
        """
        header = b"" if first else self._numbered_header()
        problem: Exception | None = None
        for cut in self._blocks.cuts():
            block = self._blocks.head(cut, header)
            try:
                frame = self._parse_first(block) if first else self._parse(block, dtype=self._dtypes_wanted(block))
            except pd.errors.EmptyDataError as error:
                problem = error
            except (ValueError, OverflowError, MemoryError) as error:
                problem = error
                if not rejections.is_open_quote(error):
                    break
                self._blocks.quotes_hold_lines = True
            else:
                if len(frame) or not first or self._blocks.is_all(cut):
                    return cut, block, frame
        raise self._rejected(problem, first) from problem

    def _check_width(self, first: bool) -> None:
        """Refuse a table that is too wide before pandas makes a column of each field.

        Raises:
            CsvRejected: A line that would decide the width of a block has more fields than the limit.
        """
        delimiter = self.dialect.delimiter
        lines = 2 if first else 1
        if not self._blocks.may_be_wider(self._max_columns, lines):
            return
        widths = self._blocks.first_widths(lines)
        if max(widths, default=0) <= self._max_columns:
            return
        if first:
            line = widths.index(max(widths)) + 1
            raise rejections.too_wide(self._path, line, max(widths), self._max_columns, self._text.encoding, delimiter)
        expected = len(self._names) + self._index_columns
        line = self._blocks.lines_before + 1
        raise rejections.ragged_row(self._path, line, expected, widths[0], self._text.encoding, delimiter)

    def _parse_first(self, block: bytes, **how: Any) -> pd.DataFrame:
        """Parse the block that has the file's own header."""
        if named := named_header(block, self.dialect.delimiter, self.dialect.quotechar):
            frame = self._parse(named[0], **how)
            if len(named[1]) == frame.shape[1]:
                frame.columns = pd.Index(named[1], dtype=object)
                return frame
        return self._parse(block, **how)

    def _numbered_header(self) -> bytes:
        width = len(self._merges) + self._index_columns
        return self.dialect.delimiter.join(map(str, range(width))).encode() + b"\n"

    def _parse(self, block: bytes, **how: Any) -> pd.DataFrame:
        frame: pd.DataFrame = pd.read_csv(
            BytesIO(block),
            sep=self.dialect.delimiter,
            decimal=self.dialect.decimal,
            quotechar=self.dialect.quotechar,
            encoding="utf-8",
            low_memory=False,
            **how,
        )
        return frame

    def _dtypes_wanted(self, block: bytes) -> dict[str, Any]:
        """Return how the block's columns are to be read, where not as pandas infers them."""
        text = object if 0 in block else BYTES_DTYPE  # an array of bytes would lose a NUL at the end of a cell
        wanted: dict[str, Any] = {}
        for field, merge in enumerate(self._merges, self._index_columns):
            if merge.is_text:
                wanted[str(field)] = text
            elif merge.wants_tokens:
                wanted[str(field)] = object
        return wanted

    def _rejected(self, problem: Exception | None, first: bool) -> CsvRejected:
        return rejections.rejected(
            self._path,
            problem,
            self._blocks,
            self._text.encoding,
            self.dialect.delimiter,
            self.dialect.quotechar,
            first,
        )

    def _begin(self, block: bytes, frame: pd.DataFrame) -> None:
        """Take the names, and the width, from the first block."""
        self._names = [str(name) for name in frame.columns]
        self._index_columns = self._leading_columns(block, frame)
        self._merges = [ColumnMerge(self.dialect.decimal) for _ in self._names]
        self._dtypes = [""] * len(self._names)
        self._blocks.widen(len(self._names), self._chunk_rows, len(block) / max(len(frame), 1))

    def _leading_columns(self, block: bytes, frame: pd.DataFrame) -> int:
        """Return by how many fields the first row is longer than the header, which pandas takes for an index.

        An index of evenly spaced integers comes as a range, and one that counts from 0 looks like none at all.
        """
        index = frame.index
        if not isinstance(index, pd.RangeIndex):
            return index.nlevels
        if (index.start, index.step) != (0, 1):
            return 1
        rows = records(block, self.dialect.delimiter, self.dialect.quotechar)
        _, fields = next(islice(rows, 1, None), (0, []))
        return int(len(fields) == frame.shape[1] + 1 and _ZERO.fullmatch(fields[0]) is not None)

    def _add(self, block: bytes, frame: pd.DataFrame, first: bool, last: bool) -> None:
        if not first and (extra := self._leading_columns(block, frame)):
            raise rejections.too_long_first(
                self._path, self._blocks, frame.shape[1], extra, self._text.encoding, self.dialect.delimiter
            )
        self.rows += len(frame)
        long_digits = cache(lambda: has_long_digits(block))
        minus_zero = cache(lambda: self._minus_zero.search(block) is not None)
        self._hints.note_block(block)
        again = []
        columns = islice(frame.items(), 0 if first else self._index_columns, None)
        for position, (merge, (_, series)) in enumerate(zip(self._merges, columns, strict=True)):
            values = _cells(series)
            if not isinstance(values, list) and values.dtype.kind == "S":
                cells = count_known_cells(values)
                merge.add_text(len(values), cells.missing)
                self._hints.note_markers(position, cells.markers)
                continue
            if merge.is_text or merge.wants_tokens:
                merge.add_tokens(list(values))
            elif merge.add_inferred(values, long_digits, last, minus_zero):
                again.append(position)
            self._hints.note_column(position, values)
        if again:
            self._add_again(block, again, first)
        if len(frame):
            self._look_for_evidence(block, first)

    def _add_again(self, block: bytes, positions: list[int], first: bool) -> None:
        """Read a block once more, for the tokens of the columns whose values do not tell enough."""
        if first:
            frame = self._parse_first(block, dtype=object)
            columns = {position: frame.iloc[:, position] for position in positions}
        else:
            names = [str(position + self._index_columns) for position in positions]
            frame = self._parse(block, dtype=object, usecols=names)
            columns = {position: frame[name] for position, name in zip(positions, names, strict=True)}
        for position, series in columns.items():
            self._merges[position].add_tokens(series.tolist())

    def _look_for_evidence(self, block: bytes, first: bool) -> None:
        """Find, for the columns whose dtype is another since this block, the cell that made it so."""
        changed = {}
        for position, (merge, before) in enumerate(zip(self._merges, self._dtypes, strict=True)):
            if before != "str" and (now := merge.result()[0]) != before:
                self._dtypes[position] = now
                self._evidence.pop(position, None)
                changed[position + self._index_columns] = now
        if not changed:
            return
        evidences = find_evidence(block, changed, **vars(self.dialect))
        for field, evidence in evidences.items():
            line = self._blocks.lines_before + evidence.line - (not first)
            self._evidence[field - self._index_columns] = replace(evidence, line=line)


def _cells(series: pd.Series[Any]) -> Cells:
    return series.tolist() if isinstance(series.dtype, pd.StringDtype) else series.to_numpy()


def has_long_digits(block: bytes) -> bool:
    """Return whether 19 digits in a row occur, without which no integer is beyond 64 bits.

    Such a run covers three of every sixth byte; only where those are digits it is looked at closely.
    """
    if len(block) < _SHORT:
        return _LONG_DIGITS.search(block) is not None
    data = np.frombuffer(block, np.uint8)
    sampled = (data[::6] - np.uint8(48)) < 10
    runs = np.flatnonzero(sampled[:-2] & sampled[1:-1] & sampled[2:]) * 6
    for shift in (3, 9, 1, 2, 4, 5, 7, 8, 10, 11):
        runs = runs[(data[runs + shift] - np.uint8(48)) < 10]
    return any(_LONG_DIGITS.search(block, max(0, at - 5), at + 31) for at in runs.tolist())
