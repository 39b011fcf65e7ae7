"""Owns what a person should know about a file that pandas reads, but perhaps not as its author meant."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

import numpy as np
import pandas as pd

from flows.lake.dialect import Detected
from flows.lake.models import CsvDialect

MARKERS = (r"\N", "-", "--", "s/d", "S/D", "s/i", "ND", "N/D", "nd", "n/d", "n.d.", "?", "..", "...", "(null)", "#N/D")
_ESCAPED_QUOTE = re.compile(r'[^\\]\\"(?![,;|\t\r\n])')
_FEW = 1_000
_LONGEST = max(map(len, MARKERS))
_SHAPES = np.zeros((_LONGEST + 1, 256, 256), bool)  # by length, first and last byte
for _marker in MARKERS:
    _SHAPES[len(_marker), ord(_marker[0]), ord(_marker[-1])] = True


class MarkerCount:
    """How often each missing-value marker that pandas does not know stands in a column."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()

    def add(self, values: pd.Series[Any]) -> None:
        """Count the markers in a chunk of the column, if it holds text."""
        if values.dtype.kind in "biuf":
            return
        places = _may_be_markers(values)
        if places is None:
            self.counts.update(values[values.isin(MARKERS)].tolist())
        elif len(places):
            candidates = values.array.take(places)
            found = Counter(candidates.tolist()) if len(places) < _FEW else candidates.value_counts().to_dict()
            self.counts.update({marker: int(found[marker]) for marker in MARKERS if marker in found})


def _may_be_markers(values: pd.Series[Any]) -> np.ndarray[Any, Any] | None:
    """Return where values have the length, first and last letter of a marker; None where that is not quickly told.

    Looking at bytes where pandas keeps text in Arrow's layout is ten times faster than comparing.
    """
    if getattr(values.dtype, "storage", None) != "pyarrow":
        return None
    arrow = values.array.__arrow_array__()
    if len(getattr(arrow, "chunks", (arrow,))) != 1:
        return None
    chunk = arrow.chunk(0) if hasattr(arrow, "chunk") else arrow
    _, offsets, data = chunk.buffers()
    if chunk.offset or data is None or str(chunk.type) != "large_string":
        return None
    ends = np.frombuffer(offsets, np.int64, len(chunk) + 1)
    lengths = ends[1:] - ends[:-1]
    short = np.flatnonzero(lengths - 1 < _LONGEST)
    short = short[lengths[short] > 0]
    text, starts, lengths = np.frombuffer(data, np.uint8), ends[short], lengths[short]
    places: np.ndarray[Any, Any] = short[_SHAPES[lengths, text[starts], text[starts + lengths - 1]]]
    return places


def on_detection(found: Detected, stated: CsvDialect, sample: str) -> list[str]:
    """Return what a person should know of how the dialect was found."""
    hints = []
    if stated.delimiter is None and found.width == 1:
        hints.append("No delimiter was found: the file is read as one column. If it has more, state the delimiter.")
    if found.excel_line:
        hints.append(
            "The first line (sep=…) is for Excel alone: pandas takes it for the header. The header is on line 2."
        )
    elif found.lead_lines:
        hints.append(
            f"The table seems to begin on line {found.lead_lines + 1}: pandas takes the first line that is not blank "
            "for the header, whatever stands there."
        )
    if _ESCAPED_QUOTE.search(sample):
        hints.append(
            "Quotes seem to be escaped with a backslash: pandas, read as it comes, ends a value at such a quote. "
            "Readers should be told escapechar='\\\\'."
        )
    return hints


def on_encoding(encoding: str, stated: CsvDialect) -> list[str]:
    """Return what a person should know of how the encoding was found."""
    if stated.encoding is not None or encoding in {"utf-8", "utf-8-sig", "utf-16", "utf-32"}:
        return []
    if encoding.startswith("utf-16"):
        return [f"The file is {encoding.upper()} without a byte order mark: readers must be told the encoding."]
    return [f"The bytes are no UTF-8: the encoding was taken to be {encoding}. State it if names look wrong."]


class HintCollector:
    """What was noticed while a table was read."""

    def __init__(self) -> None:
        self._markers: list[MarkerCount] = []
        self._nul_bytes = 0

    def note_block(self, block: bytes) -> None:
        """Look at a block's bytes."""
        self._nul_bytes += block.count(0) if 0 in block else 0

    def note_column(self, position: int, values: pd.Series[Any]) -> None:
        """Count the markers in a column of the block."""
        while len(self._markers) <= position:
            self._markers.append(MarkerCount())
        self._markers[position].add(values)

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
                f"takes the first {what} as the index, which is no column of the profile."
            )
        for name, markers in zip(names, self._markers, strict=False):
            for marker, count in markers.counts.most_common():
                hints.append(
                    f"Column {name!r} holds {marker!r} {count:,} time{'s' if count > 1 else ''}: if that means a "
                    "missing value, pandas does not know it, and reads the column as text."
                )
        if self._nul_bytes:
            hints.append(f"The file holds {self._nul_bytes:,} NUL bytes: pandas ends a value at the first one in it.")
        return tuple(hints)
