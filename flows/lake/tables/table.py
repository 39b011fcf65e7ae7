"""Owns the reading of a table out of a text: block by block, each by `pandas.read_csv` itself.

Blocks of whole records (`blocks`) are read under a header that keeps them to the width of the first (`parsing`), and
what they say of a column is merged (`pandas_dtypes`). Rows that are too long are left out, as pandas leaves them out.
"""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd

from flows.lake.dialect.encoding import Utf8Text
from flows.lake.errors import CsvRejected
from flows.lake.models import DEFAULT_MAX_COLUMNS, BadRow, ColumnProfile, DtypeEvidence
from flows.lake.tables import rejections
from flows.lake.tables.blocks import Blocks
from flows.lake.tables.edges import Edges
from flows.lake.tables.ending import TAIL_BYTES
from flows.lake.tables.evidence import find_evidence
from flows.lake.tables.hints import HintCollector, Watch, Watcher
from flows.lake.tables.long_digits import has_long_digits
from flows.lake.tables.pandas_dtypes import ColumnMerge, as_cells
from flows.lake.tables.parsing import BlockParser
from flows.lake.tables.reading import Reading
from flows.lake.tables.records import Sorted, without_long
from flows.lake.tables.text_cells import count_known_cells

FIRST_ROWS = 4_096
TOLD_ROWS = 10


class Table:
    """The table in a text: rows and columns so far, and the reading of more.

    Attributes:
        rows: Rows so far.
        bad_rows: Rows that were left out.
        bad: The first of them.
        short_rows: Rows with too few fields, as far as such were noticed.

    Args:
        path: The file, for messages.
        text: Its text.
        reading: How it is read.
        chunk_rows: The most rows that are parsed at a time.
        max_columns: The most fields that the first two lines may have.
        watch: Makes what looks at the cells.
    """

    def __init__(
        self,
        path: Path,
        text: Utf8Text,
        reading: Reading,
        chunk_rows: int,
        max_columns: int = DEFAULT_MAX_COLUMNS,
        watch: Watch | None = None,
    ) -> None:
        self._watch = watch
        self._watcher: Watcher | None = None
        self._path = path
        self._text = text
        self.reading = reading
        self._chunk_rows = max(chunk_rows, 1)
        self._max_columns = max_columns
        quotechar = None if reading.plain_quotes else reading.quotechar
        self._blocks = Blocks(text, reading.delimiter, quotechar, min(self._chunk_rows, FIRST_ROWS))
        self._parser = BlockParser(reading)
        self._hints = HintCollector()
        quote, separator = re.escape(reading.quotechar), re.escape(reading.delimiter)
        self._minus_zero = re.compile(rf"-0+\s*(?:[{separator}{quote}\r\n]|$)".encode())
        self._merges: list[ColumnMerge] = []
        self._dtypes: list[str] = []
        self._evidence: dict[int, DtypeEvidence] = {}
        self.rows = self.bad_rows = self.short_rows = 0
        self.bad: list[BadRow] = []
        self._edges = Edges(reading, self._blocks, self._hints)
        self.quoted = False
        self._lines: list[int] | None = None  # of the block at hand, where records were taken out of it

    def read(self) -> None:
        """Read the whole table.

        Raises:
            CsvRejected: pandas would not read it.
        """
        self._blocks.skip_lines(self.reading.skip)
        while self._blocks.fill():
            first = not self._merges
            if first and (too_wide := self._blocks.wider_than(self._max_columns)):
                raise self._too_wide(*too_wide)
            if self._blocks.at_end:
                self._edges.end(len(self._merges) or self._parser.top_width(self._blocks.tail(TAIL_BYTES)[1]), first)
            cut, block, frame = self._next_frame(first)
            if first:
                self._begin(block, frame)
            self._add(block, frame, first, last=self._blocks.is_all(cut))
            self.quoted = self.quoted or (not self.reading.plain_quotes and self._quote in block)
            self._blocks.take(cut)
            del block, frame  # before the next ones are made: halves the memory, and the parser gets it back warm
        if not self._merges:
            raise self._rejected(pd.errors.EmptyDataError(), True)

    @property
    def _quote(self) -> bytes:
        return self.reading.quotechar.encode()

    def columns(self) -> tuple[ColumnProfile, ...]:
        """Return the columns as they are known now."""
        return tuple(
            ColumnProfile(name, *merge.result(), self._evidence.get(position))
            for position, (name, merge) in enumerate(zip(self._parser.names, self._merges, strict=True))
        )

    def hints(self) -> tuple[str, ...]:
        """Return what a person should know of the table."""
        return self._hints.sentences(self._parser.names, self._parser.index_columns)

    def extra(self) -> dict[str, Any]:
        """Return what `pandas.read_csv` must be told to read the same, beyond delimiter, decimal mark and quotes."""
        rows, skipped = self.rows if self._edges.ends_early else None, self._edges.skipped
        extra = self.reading.keywords(len(self._merges), self._parser.names, rows=rows, skipped=skipped)
        skips = self.bad_rows > len(skipped)
        return extra | ({"on_bad_lines": "skip"} if skips else {})

    def _next_frame(self, first: bool) -> tuple[int, bytes, pd.DataFrame]:
        """Parse the longest block whose end pandas confirms; return its length in the text, itself and its frame."""
        header = b"" if first else self._parser.numbered_header()
        problem: Exception | None = None
        self._lines = None
        for cut in self._blocks.cuts():
            block = self._blocks.head(cut, header)
            try:
                block, frame = self._parsed(block, first)
            except pd.errors.EmptyDataError as error:
                problem = problem or error
            except (ValueError, OverflowError, MemoryError) as error:
                problem = error
                if not rejections.is_open_quote(error):
                    break
                self._blocks.quotes_hold_lines = True
            else:
                if len(frame) or not first or self._blocks.is_all(cut):
                    return cut, block, frame
        is_open = problem is not None and rejections.is_open_quote(problem) and self._blocks.at_end
        if is_open and (dropped := self._edges.drop_open(self.rows)):
            self.bad.append(dropped[0])
            self.bad_rows += dropped[1]
            return self._next_frame(first)
        raise self._rejected(problem, first) from problem

    def _parsed(self, block: bytes, first: bool) -> tuple[bytes, pd.DataFrame]:
        """Parse a block, without the records that are too long for the table."""
        parser = self._parser
        if first:
            block = parser.prepared(self._edges.without_first_row(block))
        try:
            frame = (
                parser.first(block) if first else parser.parse(block, dtype=parser.dtypes_wanted(block, self._merges))
            )
            extra = 0 if first and not parser.fields else parser.leading_columns(block, frame)
            if not extra:
                return block, frame
            if self.reading.doubled:
                raise rejections.ragged(2, parser.width, parser.width + extra)
        except (ValueError, OverflowError) as error:
            # Of doubled delimiters pandas is told by usecols, with which it does not leave rows out.
            if not rejections.is_ragged(error) or self.reading.doubled:
                raise
        # A last record that is too long may also be one whose quote never closes, which pandas would not leave out.
        parser.parse(block, on_bad_lines="skip", dtype=object)
        width = parser.width or parser.top_width(block)
        headers = 1 if (first and parser.fields) or not first else 2
        sorted_block = without_long(block, width, headers, **self.reading.csv)
        if sorted_block is None:
            raise ValueError("a record has a field of more than 128 KB, and others have too many fields")
        frame = (
            parser.first(sorted_block.block)
            if first
            else parser.parse(sorted_block.block, dtype=parser.dtypes_wanted(sorted_block.block, self._merges))
        )
        self._note_bad(sorted_block, width, first)
        return sorted_block.block, frame

    def _note_bad(self, block: Sorted, width: int, first: bool) -> None:
        self.bad_rows += len(block.bad)
        self._lines = block.lines
        for line, fields in block.bad[: max(0, TOLD_ROWS - len(self.bad))]:
            where = self._blocks.lines_before + line - self._offset(first)
            self.bad.append(
                BadRow(where, f"{fields:,} fields where {width - self.reading.closing_delimiter:,} are expected")
            )

    def _offset(self, first: bool) -> int:
        """Return by how many lines a line's number in a block is larger than it would be in the text."""
        return self._parser.offset if first else 1

    def _too_wide(self, line: int, columns: int) -> CsvRejected:
        encoding, delimiter = self._text.encoding, self.reading.delimiter
        return rejections.too_wide(self._path, line, columns, self._max_columns, encoding, delimiter)

    def _rejected(self, problem: Exception | None, first: bool) -> CsvRejected:
        return rejections.rejected(
            self._path,
            problem,
            self._blocks,
            self._text.encoding,
            self.reading.delimiter,
            self.reading.quotechar,
            first,
        )

    def _begin(self, block: bytes, frame: pd.DataFrame) -> None:
        """Take the names, and the width, from the first block."""
        if long_row := self._edges.long_first_row:
            self.bad_rows += 1
            self.bad.insert(0, long_row)
        self._parser.begin(frame, self._parser.leading_columns(block, frame))
        names = self._parser.names
        thousands = self.reading.how.get("thousands")
        self._merges = [
            ColumnMerge(self.reading.decimal, name in self.reading.as_text, thousands, self.reading.dates.get(name))
            for name in names
        ]
        self._dtypes = [""] * len(names)
        self._watcher = self._watch(list(names)) if self._watch else None
        self._blocks.widen(len(names), self._chunk_rows, len(block) / max(len(frame), 1))

    def _add(self, block: bytes, frame: pd.DataFrame, first: bool, last: bool) -> None:
        self.rows += len(frame)
        long_digits = cache(lambda: has_long_digits(block))
        minus_zero = cache(lambda: self._minus_zero.search(block) is not None)
        own_header = first and not self._parser.offset and self.reading.has_header
        self._hints.note_block(block, self._blocks.lines_before - self._offset(first), first, own_header)
        again = []
        columns = self._columns_of(frame, first)
        missing = -self._merges[-1].missing if self._merges else 0
        for position, (merge, series) in enumerate(zip(self._merges, columns, strict=True)):
            values = as_cells(series)
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
            if self._watcher:
                self._watcher.note(position, values)
        if again:
            self._add_again(block, again, first)
        if (
            self._merges and self._merges[-1].missing + missing
        ):  # where each row has a value in the last column, none is short
            self.short_rows += self._parser.count_short(block, len(frame))
        if len(frame):
            self._look_for_evidence(block, first)

    def _columns_of(self, frame: pd.DataFrame, first: bool) -> list[pd.Series[Any]]:
        """Return the columns of the table out of a block's frame, in their order."""
        if first and frame.shape[1] == len(self._merges):
            return [series for _, series in frame.items()]
        return [frame[str(field)] for field in self._parser.fields]

    def _add_again(self, block: bytes, positions: list[int], first: bool) -> None:
        """Read a block once more, for the tokens of the columns whose values do not tell enough."""
        if first:
            columns = self._columns_of(self._parser.first(block, dtype=object), first)
            chosen = {position: columns[position] for position in positions}
        else:
            names = {position: str(self._parser.fields[position]) for position in positions}
            frame = self._parser.parse(block, dtype=object, usecols=list(names.values()))
            chosen = {position: frame[name] for position, name in names.items()}
        for position, series in chosen.items():
            self._merges[position].add_tokens(series.tolist())

    def _look_for_evidence(self, block: bytes, first: bool) -> None:
        """Find, for the columns whose dtype is another since this block, the cell that made it so."""
        changed, places = {}, {}
        for position, (merge, before) in enumerate(zip(self._merges, self._dtypes, strict=True)):
            if before != "str" and (now := merge.result()[0]) != before:
                self._dtypes[position] = now
                self._evidence.pop(position, None)
                changed[self._parser.fields[position]] = now
                places[self._parser.fields[position]] = position
        if not changed:
            return
        for field, evidence in find_evidence(block, changed, decimal=self.reading.decimal, **self.reading.csv).items():
            in_block = self._lines[evidence.line - 1] if self._lines else evidence.line
            line = self._blocks.lines_before + in_block - self._offset(first)
            self._evidence[places[field]] = replace(evidence, line=line)
