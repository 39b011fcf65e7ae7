"""What parts of words up to five letters long say about a language: a table of numbers that was learnt beforehand.

A part is found in the table by a hash, so the table is small (a row for each of 65,536 hashes, not for each of a
million parts), and the parts of many words are looked up by a few calls of numpy: in Python alone they would take most
of the time that the analysis spends on languages. `benchmarks/learn_title_parts.py` learns it.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

LONGEST = 5
ROWS = 1 << 16
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
"""Knuth's multiplicative hash: the golden ratio of 64 bits."""

Scores = NDArray[np.float32]


@functools.cache
def table() -> Scores:
    """Return the table that was learnt: a row for each hash, a column for each language."""
    with (files(__package__) / "title_parts.npz").open("rb") as told, np.load(told) as learnt:
        rows: Scores = learnt["rows"].astype(np.float32) * np.float32(learnt["step"])
    return rows


def of_words(words: Sequence[str], rows: Scores) -> NDArray[np.float64]:
    """Return for each word the sum of its parts' rows."""
    hashes, starts = hashes_of(words)
    return np.add.reduceat(rows[hashes], starts, axis=0, dtype=np.float64)


def number_of(letters: NDArray[np.int64], words: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return how many parts so many words have that have so many letters together."""
    return LONGEST * (letters + 2 * words)


def hashes_of(words: Sequence[str]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the rows of the parts of words, word by word, and where each word's begin.

    Blanks stand for a word's ends, and for what is missing where a word is shorter than a part.
    """
    ends = " " * (LONGEST - 1)
    points = np.frombuffer("".join(f" {word} {ends}" for word in words).encode("utf-32-le", "surrogatepass"), "<u4")
    lengths = np.array([len(word) + 2 for word in words])
    begins = np.concatenate(([0], (lengths + LONGEST - 1).cumsum()[:-1]))
    places = np.repeat(begins - np.concatenate(([0], lengths.cumsum()[:-1])), lengths) + np.arange(lengths.sum())
    found = np.empty((len(places), LONGEST), dtype=np.int64)
    hashed = np.zeros(len(places), dtype=np.uint64)
    for length in range(LONGEST):
        hashed = (hashed ^ points[places + length].astype(np.uint64)) * _MULTIPLIER
        hashed ^= hashed >> np.uint64(29)
        found[:, length] = (hashed * _MULTIPLIER >> np.uint64(48)).astype(np.int64)
    return found.ravel(), np.concatenate(([0], (lengths * LONGEST).cumsum()[:-1]))
