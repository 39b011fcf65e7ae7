"""Owns the reading of one block by `pandas.read_csv`: the same answer whether it is the first of the file or another.

All blocks but the first, and the first where a file is not plain, are read under a header of numbers that keeps them to
the table's width; which of those numbers are columns, this module knows.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from io import BytesIO
from itertools import islice
from typing import Any

import pandas as pd

from flows.lake.tables.pandas_dtypes import ColumnMerge
from flows.lake.tables.reading import Reading
from flows.lake.tables.records import ranged, records, without_long
from flows.lake.tables.rejections import ragged
from flows.lake.tables.text_cells import BYTES_DTYPE
from flows.lake.tables.width import named_header, unique_names

_ZERO = re.compile(r"\s*[+-]?0+\s*", re.ASCII)


class BlockParser:
    """Reads the blocks of a table.

    Attributes:
        names: The columns' names, once the first block is read.
        fields: The field of a record, counted from 0, that each column is.
        index_columns: Leading fields that pandas takes for an index.
        offset: By how many lines a block begins before its own first line: its header of numbers.

    Args:
        reading: How the file is read.
    """

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self.names: list[str] = []
        self.fields: list[int] = []
        self.index_columns = 0
        self.offset = 0
        self._width = 0
        self._sign = reading.delimiter

    @property
    def width(self) -> int:
        """How many fields a record may have."""
        return self._width

    def numbered_header(self) -> bytes:
        """Return the header of numbers for blocks after the first."""
        return self._sign.join(map(str, range(self._width))).encode() + b"\n"

    def parse(self, block: bytes, **how: Any) -> pd.DataFrame:
        """Read a block with its header."""
        reading = self._reading
        frame: pd.DataFrame = pd.read_csv(
            BytesIO(block),
            sep=reading.delimiter,
            decimal=reading.decimal,
            quotechar=reading.quotechar,
            quoting=3 if reading.plain_quotes else 0,
            encoding="utf-8",
            low_memory=False,
            **{**reading.how, **self._own_markers(), **how},
        )
        return frame

    def dtypes_wanted(self, block: bytes, merges: Sequence[ColumnMerge]) -> dict[str, Any]:
        """Return how a block's columns are to be read, where not as pandas infers them."""
        # An array of bytes would lose a NUL at the end of a cell, and knows no stated markers.
        own = "na_values" in self._reading.how or self._reading.names_columns
        text = object if 0 in block or own else BYTES_DTYPE
        wanted: dict[str, Any] = {}
        for field, merge in zip(self.fields, merges, strict=True):
            if merge.is_text:
                wanted[str(field)] = text
            elif merge.wants_tokens:
                wanted[str(field)] = object
        return wanted

    def _own_markers(self) -> dict[str, Any]:
        """Return the markers of columns that have their own, by the numbers under which the columns are read."""
        if not self._reading.column_missing:
            return {}
        numbers = dict(zip(self.names, map(str, self.fields), strict=True))
        return {"na_values": self._reading.missing_in(numbers)}

    def prepared(self, block: bytes) -> bytes:
        """Return the first block as it is read: with a header of numbers where its own is not plain."""
        reading = self._reading
        plain = reading.has_header and not (reading.closing_delimiter or reading.doubled or reading.names)
        plain = plain and not reading.names_columns
        if plain:
            return block
        rows = list(islice(ranged(block, **reading.csv), 2))
        if not rows:
            return block
        widths = [len(fields) for _, _, fields in rows]
        header_lines = rows[0][1] if reading.has_header else 0
        step = 2 if reading.doubled else 1
        if reading.doubled and widths[-1] > widths[0]:
            raise ragged(2, widths[0], widths[-1])
        if reading.has_header:
            self._width = max(widths[0] + reading.closing_delimiter, *widths[1:2], len(reading.names))
            self.names = unique_names([_plain(name) for name in rows[0][2]])[::step]
        else:
            self._width = max(reading.width, widths[0], len(reading.names))
            self.names = list(map(str, range(self._width)))[::step]
        if reading.names:
            self.names = unique_names(list(reading.names)) + self.names[len(reading.names) :]
        self.fields = list(range(0, self._width, step))[: len(self.names)]
        self.offset = 1 - header_lines
        lines = block.splitlines(keepends=True)
        return self.numbered_header() + b"".join(lines[header_lines:])

    def first(self, block: bytes, **how: Any) -> pd.DataFrame:
        """Read the first block, which `prepared` returned."""
        if self._reading.as_text and "dtype" not in how:
            numbers = dict(zip(self.names, map(str, self.fields), strict=True))
            how["dtype"] = {numbers.get(name, name): object for name in self._reading.as_text}
        if self.fields:
            return self.parse(block, **how)
        if named := named_header(block, self._reading.delimiter, self._reading.quotechar):
            frame = self.parse(named[0], **how)
            if len(named[1]) == frame.shape[1]:
                frame.columns = pd.Index(named[1], dtype=object)
                return frame
        return self.parse(block, **how)

    def begin(self, frame: pd.DataFrame, index_columns: int) -> None:
        """Take names and width from the first block's frame, where its own header was read."""
        if not self.fields:
            self.names = [str(name) for name in frame.columns]
            self.index_columns = index_columns
            self.fields = list(range(index_columns, index_columns + len(self.names)))
            self._width = index_columns + len(self.names)
        else:
            self.index_columns = 0

    def leading_columns(self, block: bytes, frame: pd.DataFrame) -> int:
        """Return by how many fields the first row is longer than the header, which pandas takes for an index.

        An index of evenly spaced integers comes as a range, and one that counts from 0 looks like none at all.
        """
        index = frame.index
        if not isinstance(index, pd.RangeIndex):
            return index.nlevels
        if (index.start, index.step) != (0, 1):
            return 1
        rows = records(block, **self._reading.csv)
        _, fields = next(islice(rows, 1, None), (0, []))
        return int(len(fields) == frame.shape[1] + 1 and _ZERO.fullmatch(fields[0]) is not None)

    def count_short(self, block: bytes, rows: int) -> int:
        """Return how many of a block's rows have too few fields, which its delimiters tell where none has."""
        width = self._width
        if width < 2 or self._delimiters_in(block) >= (rows + 1) * (width - 1):
            return 0
        sorted_block = without_long(block, width, 1, **self._reading.csv)
        return sorted_block.short if sorted_block else 0

    def _delimiters_in(self, block: bytes) -> int:
        """Return how many delimiters stand outside quotes, which is found without cutting the block into its fields."""
        quote = b"" if self._reading.plain_quotes else self._reading.quotechar.encode()
        if quote and quote in block:
            mark = re.escape(quote)
            block = re.sub(mark + b"[^" + mark + b"]*" + mark, b"", block)
        return block.count(self._reading.delimiter.encode())

    def top_width(self, block: bytes) -> int:
        """Return the width of the table that a first block begins: that of its header, or of its first row if wider."""
        rows = records(block, **self._reading.csv)
        return max((len(fields) for _, fields in islice(rows, 2)), default=0)


def _plain(name: str) -> str:
    return name.removeprefix("\ufeff")
