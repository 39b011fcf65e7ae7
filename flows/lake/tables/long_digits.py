"""Whether a block holds an integer beyond 64 bits, asked of every block and so answered without reading each byte."""

from __future__ import annotations

import re

import numpy as np

from flows.lake.units import KIB

_SHORT = 8 * KIB
_LONG_DIGITS = re.compile(rb"[0-9]{19}")


def has_long_digits(block: bytes) -> bool:
    """Return whether 19 digits in a row occur, without which no integer is beyond 64 bits.

    Such a run covers three of every sixth byte; only where those are digits it is looked at closely.
    """
    if len(block) < _SHORT:
        return _LONG_DIGITS.search(block) is not None
    data = np.frombuffer(block, np.uint8)
    sampled = (data[::6] - np.uint8(48)) < 10
    runs = np.flatnonzero(sampled[:-2] & sampled[1:-1] & sampled[2:]) * 6
    for shift in (3, 9, 1, 2, 4, 5, 7, 8, 10, 11):
        runs = runs[(data[runs + shift] - np.uint8(48)) < 10]
    return any(_LONG_DIGITS.search(block, max(0, at - 5), at + 31) for at in runs.tolist())
