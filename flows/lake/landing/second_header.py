"""Owns the look for a second header amid the rows, as it stands there where files were joined end to end.

One that has the columns at other places speaks for the rows below it: they would be masked at the wrong ones.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import numpy as np

from flows.lake.landing.cell_forms import CellForms
from flows.lake.landing.cells import Rows
from flows.lake.landing.methods import Unmaskable


class SecondHeader:
    """What a second header with the columns at other places looks like.

    Args:
        names: The header's names.
        columns: Those that have a rule.
        forms: How cells are written.
    """

    def __init__(self, names: Sequence[str], columns: Sequence[str], forms: CellForms) -> None:
        self._names = frozenset(names)
        self._places = {column: names.index(column) for column in columns}
        self._forms = forms
        quote = forms.layout.quote or b""
        edges = forms.layout.delimiter + quote + b"\r\n"
        self._edges = edges
        self._cells = {
            column: re.compile(re.escape(written) + rb"(?=[" + re.escape(edges) + rb"]|\Z)")
            for column in columns
            if (written := _written(column, forms.encoding, quote))
        }

    def find(self, data: bytes, begin: int, stop: int, rows: Rows) -> tuple[str, int] | None:
        """Return the column that is at another place in some row, and where that row begins; `None` for no such row.

        Such a row has the column's name in another cell, and most of its cells are names of columns.

        Args:
            data: The text.
            begin: Where the rows begin in it.
            stop: Where they end.
            rows: The rows.
        """
        for column, place in self._places.items():
            seen = -1
            for at in self._where(column, data, begin, stop):
                row = int(np.searchsorted(rows.begins, at, "right")) - 1
                if row in (seen, -1):
                    continue
                seen = row
                texts = self._texts(data, rows, row)
                moved = column in texts and texts[place] != column
                if moved and 2 * sum(text in self._names for text in texts) > len(texts):
                    return column, int(rows.begins[row])
        return None

    def _where(self, column: str, data: bytes, begin: int, stop: int) -> Iterator[int]:
        """Yield where a cell says a column's name."""
        cell = self._cells.get(column)
        if cell is None:
            return
        for found in cell.finditer(data, begin, stop):
            at = found.start()
            if at == begin or data[at - 1] in self._edges:
                yield at

    def _texts(self, data: bytes, rows: Rows, row: int) -> list[str]:
        ends = rows.ends[row].tolist()
        starts = [int(rows.begins[row]), *(end + 1 for end in ends[:-1])]
        try:
            return [self._forms.text_of(data[start:end]) for start, end in zip(starts, ends, strict=True)]
        except Unmaskable:
            return []


def _written(name: str, encoding: str, quote: bytes) -> bytes:
    """Return a name as a cell has it, `b""` where the encoding has no such letters."""
    try:
        written = name.encode(encoding)
    except UnicodeError:
        return b""
    return written.replace(quote, quote * 2) if quote else written
