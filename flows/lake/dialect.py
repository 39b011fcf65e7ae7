"""Owns the guess at a CSV file's delimiter, quote character and decimal mark, from a bounded sample of its text."""

from __future__ import annotations

import csv
import io
from collections import Counter
from dataclasses import dataclass

DELIMITERS = (",", ";", "|", "\t")


@dataclass(frozen=True)
class Detected:
    """What the sample speaks for."""

    delimiter: str = ","
    quotechar: str = '"'
    decimal: str = "."


def detect(sample: str) -> Detected:
    """Return the dialect that cuts the sample into the most regular table."""
    best, best_score = ",", 0.0
    for delimiter in DELIMITERS:
        widths = Counter(len(row) for row in csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter) if row)
        if not widths:
            continue
        width, rows = widths.most_common(1)[0]
        score = 0.0 if width == 1 else rows / widths.total() * (1 - 1 / width)
        if score > best_score:
            best, best_score = delimiter, score
    return Detected(best)
