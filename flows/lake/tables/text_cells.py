"""Owns the counting of known cells (missing ones, other markers of a missing value) in a column known to be text.

What such a column's cells say no longer matters, only how many of them are missing: pandas is asked for their first
`WIDTH` bytes (`dtype="S16"`), which takes it a third of the time of making Python strings, and without holding the
interpreter's lock. Equal to a known token are then those whose first eight bytes, as a number, are the token's, and
whose others are zero.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

WIDTH = 16
BYTES_DTYPE = np.dtype(f"S{WIDTH}")

# pandas' default `na_values` (documentation of `pandas.read_csv`); a test compares them with pandas' own.
MISSING = (
    *("", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>"),
    *("N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null"),
)
# What people write for a missing value, and pandas does not know.
MARKERS = (
    *(r"\N", "-", "--", "---", "—", ".", "..", "...", "?", "*", "s/d", "S/D", "s/i", "S/I", "s.d.", "S.D.", "n.d."),
    *("N.D.", "ND", "N/D", "nd", "n/d", "#N/D", "(null)", "[null]", "NaT", "missing"),
)


class _TokenTable:
    """Tokens of up to eight bytes, found in a column at once through a hash table without collisions.

    Args:
        tokens: What is looked for.
    """

    _SLOTS_LOG2 = 10

    def __init__(self, tokens: tuple[str, ...]) -> None:
        keys = [int.from_bytes(token.encode(), "little") for token in tokens]
        self._shift = np.uint64(64 - self._SLOTS_LOG2)
        multiplier = 0x9E3779B97F4A7C15
        while len({self._slot(key, multiplier) for key in keys}) < len(keys):
            multiplier = (multiplier * 6364136223846793005 + 1442695040888963407) % 2**64 | 1
        self._multiplier = np.uint64(multiplier)
        # An empty slot holds what no UTF-8 text begins with.
        self._keys = np.full(1 << self._SLOTS_LOG2, 2**64 - 1, np.uint64)
        self._begins = np.zeros(2**16, bool)  # by its first two bytes: whether a cell may be a token; most are not
        self._begins[[key & 0xFFFF for key in keys]] = True
        self._tokens: dict[int, str] = {}
        for key, token in zip(keys, tokens, strict=True):
            slot = self._slot(key, multiplier)
            self._keys[slot] = key
            self._tokens[slot] = token

    def _slot(self, key: int, multiplier: int) -> int:
        return (key * multiplier % 2**64) >> int(self._shift)

    def count(self, cells: np.ndarray[Any, Any]) -> dict[str, int]:
        """Return how often each token stands in an array of dtype `BYTES_DTYPE`."""
        cells = np.ascontiguousarray(cells)
        places = np.flatnonzero(self._begins[cells.view("<u2")[:: WIDTH // 2]])
        halves = cells.view("<u8").reshape(-1, 2)[places]
        short = halves[halves[:, 1] == 0, 0]
        slots = (short * self._multiplier) >> self._shift
        matching = slots[self._keys[slots] == short]
        if not len(matching):
            return {}
        counts = np.bincount(matching.astype(np.intp))
        return {self._tokens[slot]: int(counts[slot]) for slot in np.flatnonzero(counts).tolist()}


_KNOWN_TOKENS = _TokenTable(MISSING + MARKERS)


@dataclass(frozen=True)
class KnownCells:
    """How many cells of a column are missing, and how often each marker stands in it."""

    missing: int
    markers: dict[str, int]


def count_known_cells(cells: np.ndarray[Any, Any]) -> KnownCells:
    """Count the missing cells, and the markers, among cells of dtype `BYTES_DTYPE`."""
    counts = _KNOWN_TOKENS.count(cells)
    missing = sum(counts.pop(token, 0) for token in MISSING) if counts else 0
    return KnownCells(missing, counts)
