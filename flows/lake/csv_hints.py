"""Owns what a person should know about a file that pandas reads, but perhaps not as its author meant."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

import pandas as pd

MARKERS = (r"\N", "-", "--", "s/d", "S/D", "s/i", "ND", "N/D", "nd", "n/d", "n.d.", "?", "..", "...", "(null)", "#N/D")


class HintCollector:
    """What was noticed while a table was read.

    Args:
        delimiter: The field separator.
        quotechar: The quote character.
    """

    def __init__(self, delimiter: str, quotechar: str) -> None:
        around = re.escape(delimiter) + re.escape(quotechar)
        markers = "|".join(re.escape(marker) for marker in MARKERS)
        self._markers = re.compile(rf"[{around}\n](?:{markers})[{around}\r\n]".encode())
        self._seen: dict[int, Counter[str]] = {}
        self._block_has_markers = False
        self._nul_bytes = 0

    def note_block(self, block: bytes) -> None:
        """Look at a block's bytes."""
        self._nul_bytes += block.count(0)
        self._block_has_markers = self._markers.search(block) is not None

    def note_column(self, position: int, values: pd.Series[Any]) -> None:
        """Count the markers in a text column of the block."""
        if not self._block_has_markers or values.dtype.kind in "biuf":
            return
        found = values.isin(MARKERS)
        if found.any():
            self._seen.setdefault(position, Counter()).update(values[found].tolist())

    def sentences(self, names: list[str], index_columns: int) -> tuple[str, ...]:
        """Return the hints, a sentence each."""
        hints = []
        if index_columns:
            what = "column" if index_columns == 1 else f"{index_columns} columns"
            hints.append(
                f"The rows have {index_columns} field{'s' if index_columns > 1 else ''} more than the header: pandas "
                f"takes the first {what} as the index, which is no column of the profile."
            )
        for position, counts in sorted(self._seen.items()):
            for marker, count in counts.most_common():
                hints.append(
                    f"Column {names[position]!r} holds {marker!r} {count:,} time{'s' if count > 1 else ''}: if that means a missing value, "
                    "pandas does not know it, and reads the column as text."
                )
        if self._nul_bytes:
            hints.append(f"The file holds {self._nul_bytes:,} NUL bytes: pandas ends a value at the first one in it.")
        return tuple(hints)
