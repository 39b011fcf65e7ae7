"""Known cells are counted in a column of bytes exactly as pandas would find them."""

from __future__ import annotations

import random
from collections import Counter

import numpy as np
from pandas._libs.parsers import STR_NA_VALUES  # what the documentation lists, as the parser has it

from flows.lake.tables.text_cells import BYTES_DTYPE, MARKERS, MISSING, count_known_cells


def test_missing_tokens_are_those_of_pandas() -> None:
    assert set(MISSING) == set(STR_NA_VALUES)


def test_known_tokens_are_short_enough_for_the_look_up_and_distinct() -> None:
    assert all(len(token.encode()) <= 8 for token in MISSING + MARKERS)
    assert len(set(MISSING + MARKERS)) == len(MISSING + MARKERS)


def test_count_known_cells_random_column_equals_counting_strings() -> None:
    near = ["#N/A N/A ", "#N/A N/Ax", "-1.#QNAN0", "NA ", " NA", "-\\N", "é", "nul", "x" * 16, "-" * 16, "\\N\\N"]
    rng = random.Random(4)
    cells = rng.choices([*MISSING, *MARKERS, *near], k=5_000)
    found = count_known_cells(np.array([cell.encode()[:16] for cell in cells], BYTES_DTYPE))
    counts = Counter(cells)
    assert found.missing == sum(counts[token] for token in MISSING)
    assert found.markers == {token: counts[token] for token in MARKERS}


def test_count_known_cells_empty_column_is_nothing() -> None:
    assert count_known_cells(np.array([], BYTES_DTYPE)).missing == 0
