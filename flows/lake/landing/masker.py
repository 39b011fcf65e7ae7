"""Owns the masking of a text as it streams by: only the cells of the columns with rules change.

Every other byte stays what it was: delimiters, quotes, line ends, byte order mark, lines above the header, the last
line. Memory is bounded by a block of 512 KiB and what it becomes, whatever the file's size; one record may grow a block
to 16 MiB.

Key decision: it fails closed. A column that is absent or there twice, a row of another width, a cell that is not text,
a quote that does not close: nothing more is yielded, and the error names the rule and the line, never a cell. Not even
the names of the header are quoted, since the first line of a file without one is data. What was yielded before is
masked, but it is not the file: callers throw it away.
"""

from __future__ import annotations

import codecs
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path

import numpy as np

from flows.lake.errors import MaskingFailed
from flows.lake.landing.cell_forms import CellForms, ColumnMask
from flows.lake.landing.cells import Marks, Misfit, Positions, Rows, find_marks, rows_of
from flows.lake.landing.header import lines_in, start_of_header, why_not_one
from flows.lake.landing.masking_dialect import MaskingDialect
from flows.lake.landing.methods import Mask, Unmaskable
from flows.lake.landing.recoding import Recoding
from flows.lake.landing.second_header import SecondHeader
from flows.lake.masking_rules import MaskedCells, MissingMarkers
from flows.lake.tables.text_cells import MISSING
from flows.lake.units import KIB, MIB

BLOCK_BYTES = 512 * KIB
"""What is masked at a time: as much as stays in a core's cache, with all that is made of it."""

MAX_RECORD_BYTES = 16 * MIB
_SMALL_WINDOW = 64 * KIB


PANDAS_MISSING = MissingMarkers(frozenset(MISSING))


class Masker:
    """The masking of one file, once.

    Args:
        path: The file, for messages.
        dialect: How it is written.
        masks: What masks the cells of each column, by the column's name; `None` drops the column.
        methods: The method of each column, as it is shown.
        missing: What stands for a missing value; such cells stay as they are.
    """

    def __init__(
        self,
        path: Path | str,
        dialect: MaskingDialect,
        masks: dict[str, Mask | None],
        methods: dict[str, str],
        missing: MissingMarkers = PANDAS_MISSING,
    ) -> None:
        self._path = path
        self._dialect = dialect
        self._layout = dialect.layout
        self._recoding = Recoding.of(dialect.encoding)
        self._masks = masks
        self._methods = methods
        self._missing = missing
        self._columns: list[tuple[int, ColumnMask]] = []
        self._gone: frozenset[int] = frozenset()
        self._width = 0
        self._second: SecondHeader | None = None
        self._lines = 0
        self._window = 2 * BLOCK_BYTES  # also what a block before left over
        self.rows = 0

    def run(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        """Yield the masked bytes of a file.

        Args:
            pieces: The file's bytes, cut anywhere.

        Raises:
            MaskingFailed: The rules do not fit the file; what was yielded must not be used.
        """
        try:
            if self._recoding is None:
                codec = codecs.lookup(self._dialect.encoding).name
                # The mark is no part of a cell, and that codec would write one before each.
                yield from self._masked(pieces, "utf-8" if codec == "utf-8-sig" else codec)
            else:
                yield from self._recoding.encoded(self._masked(self._recoding.decoded(pieces), "utf-8"))
        except UnicodeError as error:
            why = error.reason if isinstance(error, (UnicodeDecodeError, UnicodeEncodeError)) else "two spellings"
        else:
            return
        raise self._failed(f"the file is not {self._dialect.encoding} that can be written back as it was ({why})")

    def columns(self) -> tuple[MaskedCells, ...]:
        """Return what became of each column with a rule, in the file's order."""
        of_rules = ((one.rule.rpartition("=")[0], one) for _, one in self._columns if one.rule)
        return tuple(
            MaskedCells(column, self._methods[column], one.masked, one.kept, one.redacted) for column, one in of_rules
        )

    def _masked(self, pieces: Iterable[bytes], encoding: str) -> Iterator[bytes]:
        reading = iter(pieces)
        pending, wanted, at_end = b"", BLOCK_BYTES, False
        while not at_end:
            waiting, size = [pending], len(pending)
            while size < wanted and not at_end:
                piece = next(reading, None)
                at_end = piece is None
                waiting.append(piece or b"")
                size += len(waiting[-1])
            pending = b"".join(waiting)
            done = 0
            while done < len(pending):
                before = done
                if not self._width:
                    out, done = self._take_header(pending, encoding, at_end)
                else:
                    out, done = self._take_rows(pending, done, at_end)
                if done == before:
                    break
                self._lines += lines_in(pending, before, done)
                yield out
            pending = pending[done:]
            wanted = BLOCK_BYTES if done else 2 * wanted
            if pending and (at_end or (not done and len(pending) >= MAX_RECORD_BYTES)):
                reason = f"a quoted cell of this row never closes, or it is longer than {MAX_RECORD_BYTES // MIB} MiB"
                raise self._failed(reason, rule=self._rules() or None, line=self._lines + 1)
        if not self._width:
            raise self._failed("there is no header")

    def _take_header(self, data: bytes, encoding: str, at_end: bool) -> tuple[bytes, int]:
        """Find the columns in the header; return the bytes up to its end as they are to be, and how many they were."""
        begin = start_of_header(data, self._dialect.header_line, encoding)
        if begin is None or (begin == len(data) and not at_end):
            return b"", 0
        if begin == len(data):
            raise self._failed("there is no header")
        try:
            marks = find_marks(data, begin, len(data), self._layout, at_end=at_end)
        except Misfit as misfit:
            raise self._failed(misfit.reason, line=lines_in(data, 0, misfit.at) + 1) from None
        if marks is None:
            return b"", 0
        width = int(np.argmax(marks.is_end)) + 1
        stop = int(marks.at[width - 1]) + 1
        first = Marks(marks.at[:width], marks.is_end[:width], begin, min(stop, len(data)))
        rows = rows_of(data, first, width)
        spans = [rows.span(column) for column in range(width)]
        cells = [data[int(start[0]) : int(end[0])] for start, end in spans]
        self._find_columns(cells, encoding, line=lines_in(data, 0, begin) + 1)
        dropped = [(place, ColumnMask(one.rule, None, one.forms, frozenset())) for place, one in self._dropped()]
        return self._block(data, 0, first.stop, rows, dropped), first.stop

    def _find_columns(self, header: Sequence[bytes], encoding: str, line: int) -> None:
        names = []
        forms = CellForms(self._layout, encoding)
        for place, cell in enumerate(header):
            try:
                names.append(forms.text_of(cell) or f"Unnamed: {place}")
            except Unmaskable:
                raise self._failed(f"the header is not valid {encoding}", line=line) from None
        counts = Counter(names)
        for column in self._masks:
            if counts[column] != 1:
                rule = f"{column}={self._methods[column]}"
                reason, remedy = why_not_one(column, names)
                raise self._failed(reason, rule=rule, line=line, remedy=remedy)
        places = {name: place for place, name in enumerate(names)}
        self._gone = frozenset(places[column] for column, mask in self._masks.items() if mask is None)
        if len(self._gone) == len(names):
            raise self._failed("every column is dropped, so that nothing is left", line=line)
        self._width = len(names)
        left = [place for place in range(self._width) if place not in self._gone]
        forms = CellForms(self._layout, encoding, alone=len(left) == 1, was_alone=len(names) == 1)
        found = {
            places[column]: ColumnMask(f"{column}={self._methods[column]}", mask, forms, self._missing.of(column))
            for column, mask in self._masks.items()
        }
        if len(left) == 1:
            # A column that is left alone gets quotes around its blank cells, which would be no rows without.
            found.setdefault(left[0], ColumnMask("", Mask(str), forms, frozenset()))
        self._columns = sorted(found.items())
        self._second = SecondHeader(names, tuple(self._masks), forms)

    def _dropped(self) -> list[tuple[int, ColumnMask]]:
        return [(place, column) for place, column in self._columns if place in self._gone]

    def _take_rows(self, data: bytes, begin: int, at_end: bool) -> tuple[bytes, int]:
        """Mask some whole records that begin at a place; return what they become, and where they end."""
        try:
            marks = find_marks(data, begin, begin + self._window, self._layout, at_end=at_end)
            if marks is None:
                # A record longer than the window, or one that the data do not hold to its end.
                marks = find_marks(data, begin, len(data), self._layout, at_end=at_end)
            if marks is None:
                return b"", begin
            rows = rows_of(data, marks, self._width)
        except Misfit as misfit:
            line = self._lines + lines_in(data, begin, misfit.at) + 1
            raise self._failed(misfit.reason, rule=self._rules(), line=line) from None
        if self._second and (moved := self._second.find(data, begin, marks.stop, rows)):
            column, at = moved
            raise self._failed(
                "a second header has the column at another place",
                rule=f"{column}={self._methods[column]}",
                line=self._lines + lines_in(data, begin, at) + 1,
                remedy="Nothing of the file goes on: have its source write one table a file, or split it there.",
            )
        # Where stray quotes break the pace, a small window keeps what is looked at in vain small.
        went_well = marks.stop - begin > min(self._window, len(data) - begin) // 2
        self._window = min(2 * BLOCK_BYTES, 4 * self._window) if went_well else _SMALL_WINDOW
        self.rows += len(rows.begins)
        return self._block(data, begin, marks.stop, rows, self._columns), marks.stop

    def _block(
        self, data: bytes, begin: int, stop: int, rows: Rows, columns: Sequence[tuple[int, ColumnMask]]
    ) -> bytes:
        """Return a range of the text with the cells of some columns masked."""
        count = len(rows.begins)
        if not count or not columns:
            return data[begin:stop]
        pieces: list[bytes] = [b""] * (2 * len(columns) * count)
        starts_of, ends_of = zip(*(self._cut(rows, place) for place, _ in columns), strict=True)
        befores = [np.concatenate(([begin], ends_of[-1][:-1])), *ends_of[:-1]]
        for order, ((place, column), before) in enumerate(zip(columns, befores, strict=True)):
            starts, ends = starts_of[order].tolist(), ends_of[order].tolist()
            between = [data[start:end] for start, end in zip(before.tolist(), starts, strict=True)]
            cells = between if column.mask is None else [data[s:e] for s, e in zip(starts, ends, strict=True)]
            pieces[2 * order :: 2 * len(columns)] = between
            try:
                pieces[2 * order + 1 :: 2 * len(columns)] = column.apply(cells)
            except Unmaskable as problem:
                at = int(rows.span(place)[0][column.first_unmaskable(cells)])
                line = self._lines + lines_in(data, begin, at) + 1
                raise self._failed(str(problem), rule=column.rule, line=line) from None
        return b"".join(chain(pieces, (data[int(ends_of[-1][-1]) : stop],)))

    def _cut(self, rows: Rows, place: int) -> tuple[Positions, Positions]:
        """Return the ranges that are replaced: the cells, and for a dropped column one delimiter beside each."""
        starts, ends = rows.span(place)
        if place not in self._gone:
            return starts, ends
        follows_kept = any(other not in self._gone for other in range(place))
        return (starts - 1, ends) if follows_kept else (starts, ends + 1)

    def _rules(self) -> str:
        return ", ".join(column.rule for _, column in self._columns if column.rule)

    def _failed(
        self, reason: str, *, rule: str | None = None, line: int | None = None, remedy: str | None = None
    ) -> MaskingFailed:
        remedy = remedy or "Nothing of the file goes on: repair it, or have its source do so."
        return MaskingFailed(self._path, reason, rule=rule, line=line, remedy=remedy)
