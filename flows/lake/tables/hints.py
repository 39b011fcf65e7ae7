"""Owns what a person should know about a file that pandas reads, but perhaps not as its author meant."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from flows.lake.dialect.detection import Detected
from flows.lake.dialect.encoding import Utf8Text
from flows.lake.dialect.structure import Structure
from flows.lake.models import CsvDialect, Hint
from flows.lake.tables.pandas_dtypes import Cells
from flows.lake.tables.suggestions import repeated_headers
from flows.lake.tables.text_cells import MARKERS
from flows.lake.words import quoted, shown

_ALIGNED = re.compile(r"\S {2,}\S")
_ESCAPED_QUOTE = re.compile(r'[^\\]\\"(?![,;|\t\r\n])')
_MARKERS = frozenset(MARKERS)
_MOST_COLUMNS = 8
_LONGEST_NAME = 60
_LEAST_HEADER_BYTES = 6
_MARK = b"\xef\xbb\xbf"


def on_detection(found: Detected, structure: Structure, stated: CsvDialect, sample: str) -> list[str]:
    """Return what a person should know of how the dialect was found."""
    hints = list(structure.notes)
    if stated.delimiter is None and found.width == 1:
        hints.append("No delimiter was found: the file is read as one column. If it has more, state the delimiter.")
    if found.excel_line:
        hints.append("The first line (sep=…) is for Excel alone: it is left out. The header is on line 2.")
    if found.delimiter == " " and _ALIGNED.search(sample):
        hints.append(
            "The columns seem to be aligned with several blanks: pandas makes an empty field of each one more. Such "
            "text is not CSV; readers for fixed-width files know it."
        )
    if not structure.escapechar and '\\"' in sample and _ESCAPED_QUOTE.search(sample):
        hints.append(
            "Quotes seem to be escaped with a backslash: pandas, read as it comes, ends a value at such a quote. "
            "Readers should be told escapechar='\\\\'."
        )
    return hints


def on_encoding(text: Utf8Text, stated: CsvDialect) -> list[str]:
    """Return what a person should know of how the encoding was found."""
    encoding = text.encoding
    if text.first_replaced_line:
        lines = "1 line holds" if text.replaced_lines == 1 else f"{text.replaced_lines:,} lines hold"
        return [
            f"{lines} bytes of another encoding than UTF-8, first line {text.first_replaced_line:,}: they are read as "
            "U+FFFD."
        ]
    if stated.encoding is not None or encoding in {"utf-8", "utf-8-sig", "utf-16", "utf-32"}:
        return []
    if encoding.startswith("utf-16"):
        return [f"The file is {encoding.upper()} without a byte order mark: readers must be told the encoding."]
    return [f"The bytes are not UTF-8: the encoding was taken to be {encoding}. State it if names look wrong."]


def on_bad_rows(table: Any) -> list[str]:
    """Return what a person should know of rows that are left out."""
    if not table.bad_rows:
        return []
    count = "1 row is" if table.bad_rows == 1 else f"{table.bad_rows:,} rows are"
    first = "; ".join(f"line {row.line:,}: {row.reason}" for row in table.bad)
    more = ", …" if table.bad_rows > len(table.bad) else ""
    return [f"{count} left out: {first}{more}."]


class Watcher(Protocol):
    """Somebody who looks at cells while they are read."""

    def note(self, position: int, values: Any, /) -> None:
        """Look at a column's cells in a block."""


Watch = Callable[[list[str]], Watcher]
"""Makes a watcher of a table with columns of these names."""


class HintCollector:
    """What was noticed while a table was read."""

    def __init__(self) -> None:
        self._markers: dict[str, Counter[int]] = {}
        self._nul_bytes = 0
        self._below: str | None = None
        self._end_mark = False
        self._total: int | None = None
        self._header = b""
        self._again = self._first_again = self._marks = self._first_mark = 0

    def note_ending(self, notes: str) -> None:
        """Remember what stands below the table."""
        self._below = notes

    def note_total(self, line: int) -> None:
        """Remember that the last row seems to be a total."""
        self._total = line

    def note_end_mark(self) -> None:
        """Remember that the end mark of DOS is left out."""
        self._end_mark = True

    def note_block(self, block: bytes, lines_before: int, first: bool, has_header: bool) -> None:
        """Look at a block's bytes.

        Args:
            block: The block, with its header.
            lines_before: The lines of the file before the block's first one.
            first: Whether it is the first of the file.
            has_header: Whether it begins with the file's own header.
        """
        if has_header:
            self._header = block[: block.find(b"\n") + 1]
        if len(self._header) >= _LEAST_HEADER_BYTES:
            for at in repeated_headers(block, self._header):
                self._again += 1
                self._first_again = self._first_again or lines_before + block.count(b"\n", 0, at) + 1
        marks = block.count(_MARK) - (first and block.startswith(_MARK)) if _MARK[0] in block and _MARK in block else 0
        if marks:
            self._marks += marks
            at = block.find(_MARK, len(_MARK) if first else 0)
            self._first_mark = self._first_mark or lines_before + block.count(b"\n", 0, at) + 1
        self._nul_bytes += block.count(0) if 0 in block else 0

    def note_column(self, position: int, values: Cells) -> None:
        """Count the markers of a missing value in a column of the block, if it holds text."""
        if isinstance(values, list) or values.dtype.kind == "O":
            self.note_markers(position, Counter(filter(_MARKERS.__contains__, values)))

    def note_markers(self, position: int, counts: Mapping[str, int]) -> None:
        """Add to the markers of a missing value in a column."""
        for marker, count in counts.items():
            self._markers.setdefault(marker, Counter())[position] += count

    def sentences(self, names: list[str], index_columns: int) -> tuple[str, ...]:
        """Return the hints, a sentence each."""
        hints = []
        unnamed = sum(name.startswith("Unnamed: ") for name in names)
        if unnamed >= 2 and 2 * unnamed >= len(names):
            hints.append(
                f"{unnamed} of {len(names)} columns have no name: the first line may be a title, not the header."
            )
        if index_columns:
            what = "column" if index_columns == 1 else f"{index_columns} columns"
            hints.append(
                f"The rows have {index_columns} field{'s' if index_columns > 1 else ''} more than the header: pandas "
                f"takes the first {what} as the index, which the profile does not list as a column."
            )
        hints += [_on_marker(marker, counts, names) for marker, counts in self._markers.items()]
        if self._below is not None:
            lines = self._below.splitlines() or [""]
            said = (
                "1 line below the table is left out"
                if len(lines) == 1
                else (f"{len(lines)} lines below the table are left out")
            )
            hints.append(Hint(f"{said}: {quoted(lines[0], _LONGEST_NAME)}{', …' * (len(lines) > 1)}.", f"{said}."))
        if self._total:
            hints.append(f"The last row (line {self._total:,}) seems to be a total: state footer: 1 to leave it out.")
        if self._end_mark:
            hints.append("The last sign is an end mark of DOS (0x1A), which is left out.")
        if self._again:
            times = "once" if self._again == 1 else f"{self._again:,} times"
            hints.append(f"The header stands again {times} among the rows, first on line {self._first_again:,}.")
        if self._marks:
            hints.append(
                f"A byte order mark stands within the file, first on line {self._first_mark:,}: it seems to be several "
                "files, one after the other."
            )
        if self._nul_bytes:
            hints.append(
                f"The file holds {self._nul_bytes:,} NUL bytes: pandas keeps them, other tools end a value there or "
                "refuse the file."
            )
        return tuple(hints)


def _on_marker(marker: str, counts: Counter[int], names: list[str]) -> str:
    """Return the one sentence on a marker: how often it stands, and in which columns, most first."""
    often = counts.most_common()
    where = ", ".join(f"{shown(names[position], _LONGEST_NAME)} {count:,}" for position, count in often[:_MOST_COLUMNS])
    if len(often) > _MOST_COLUMNS:
        where += f" and {len(often) - _MOST_COLUMNS} more"
    cells = "1 cell" if counts.total() == 1 else f"{counts.total():,} cells"
    columns = "1 column" if len(often) == 1 else f"{len(often):,} columns"
    return (
        f"'{marker}' stands in {cells} of {columns} ({where}): if it means a missing value, pandas does not know it, "
        "and reads a column that holds it as text."
    )
