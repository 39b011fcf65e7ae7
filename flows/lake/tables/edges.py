"""Owns what is left out at the edges of a table: a first row that is too long, notes below, a quote that never closes.

Where those begin, `flows.lake.tables.ending` and the structure say; here the text is cut there, and it is remembered
what `pandas.read_csv` must be told to stop at the same place.
"""

from __future__ import annotations

from flows.lake.models import BadRow
from flows.lake.tables import ending
from flows.lake.tables.blocks import Blocks
from flows.lake.tables.hints import HintCollector
from flows.lake.tables.reading import Reading
from flows.lake.tables.records import ranged

_LEAST_ROWS = 10
"""Of a table that is believed when its last record is not."""
_MOST_LINES = 2
_MOST_SHARE = 0.01


class Edges:
    """The edges of one table.

    Attributes:
        ends_early: Whether something below the table is left out.
        long_first_row: The first row, where it is left out.

    Args:
        reading: How the file is read.
        blocks: The text that was not parsed yet.
        hints: Where a person is told of it.
    """

    def __init__(self, reading: Reading, blocks: Blocks, hints: HintCollector) -> None:
        self._reading = reading
        self._blocks = blocks
        self._hints = hints
        self._is_ended = False
        self.ends_early = False
        line = reading.long_first_row
        told = "more fields than the header, which the rows below do not have"
        self.long_first_row = BadRow(line, told) if line else None

    @property
    def skipped(self) -> tuple[int, ...]:
        """Lines, counted from 0, that are left out at the top beside those above the table."""
        return (self.long_first_row.line - 1,) if self.long_first_row else ()

    def without_first_row(self, block: bytes) -> bytes:
        """Take a first row out that alone is too long, by which pandas would take the width of the whole table."""
        if self.long_first_row is None:
            return block
        at = self.long_first_row.line - self._blocks.lines_before
        last = next((last for first, last, _ in ranged(block, **self._reading.csv) if first == at), None)
        if last is None:
            return block
        lines = block.splitlines(keepends=True)
        return b"".join([*lines[: at - 1], *([b"\n"] * (last - at + 1)), *lines[last:]])

    def end(self, width: int, first: bool) -> None:
        """Leave out what stands below the table, now that its end is there.

        Args:
            width: The number of columns.
            first: Whether nothing was parsed yet.
        """
        if self._is_ended:
            return
        self._is_ended = True
        reading = self._reading
        start, tail = self._blocks.tail(ending.TAIL_BYTES)
        if reading.looks and (mark := ending.end_mark_begins(tail)) is not None and start + mark:
            self._hints.note_end_mark()
            self._cut(start + mark)
            tail = tail[:mark]
        if reading.footer:
            begin: int | None = ending.last_records_begin(tail, reading.footer, **reading.csv)
        elif reading.looks and reading.footer is None:
            begin = ending.notes_begin(tail, width, **reading.csv)
        else:
            begin = None
        if begin is not None and not (first and start + begin == 0):
            self._hints.note_ending(tail[begin:].decode("utf-8", "replace").strip())
            self._cut(start + begin)
            tail = tail[:begin]
        if (total := ending.total_line(tail, **reading.csv)) is not None:
            self._hints.note_total(self._blocks.lines_before + self._blocks.lines_in(start) + total)

    def drop_open(self, rows: int) -> tuple[BadRow, int] | None:
        """Leave out a last record whose quote never closes, if it is short.

        Args:
            rows: The rows before the pending text.

        Returns:
            What is told of it and how many lines it has; `None` where it stays.
        """
        if not self._reading.looks:
            return None
        start, tail = self._blocks.tail(ending.TAIL_BYTES)
        found = ending.open_record_begins(tail, **self._reading.csv)
        if found is None or start + found[0] == 0:
            return None
        begin, lines = found
        above = self._blocks.lines_in(start + begin)
        if lines > max(_MOST_LINES, _MOST_SHARE * rows) or rows + above < _LEAST_ROWS:
            return None
        line = self._blocks.lines_before + above + 1
        self._cut(start + begin)
        return BadRow(line, "a quote opens here that does not close"), lines

    def _cut(self, start: int) -> None:
        self._blocks.drop_from(start)
        self.ends_early = True
