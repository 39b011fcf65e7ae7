"""Owns the answer to "what dtype would pandas give the whole column?", found from chunks of it.

pandas decides a column in one look at all its tokens, in their order, so that the dtypes of chunks do not add up where
integers of 64 bits and more are about. A column is therefore read as pandas infers it for as long as that says all
there is to know, and chunk by chunk as tokens where it does not: an integer column with missing values (was it `1` or
`1.0`?), `-0`, and integers of 19 digits and more. The rule is the one of pandas' C parser
(`_convert_tokens` in pandas/_libs/parsers.pyx); the tests compare it with `pandas.read_csv` itself.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

INT64_MAX = 2**63 - 1
UINT64_MAX = 2**64 - 1

Ask = Callable[[], bool]
Cells = np.ndarray[Any, Any] | list[Any]  # a column of a chunk; strings, missing ones as NaN, in a list

_INTEGER = re.compile(r"[ \t\n\v\f\r]*([+-]?)([0-9]+)([ \t\n\v\f\r]*)")
_SMALL_INTEGERS = re.compile(r"(?:[ \t\n\v\f\r]*[+-]?[0-9]{1,18}[ \t\n\v\f\r]*\0)*")
_LONG_INTEGER = re.compile(r"(?:^|\0)[ \t\n\v\f\r]*[+-]?[0-9]{19,}[ \t\n\v\f\r]*(?:\0|$)")
_BOOLEAN = re.compile(r"true|false", re.ASCII | re.IGNORECASE)


class ColumnMerge:
    """What is known of one column after the chunks read so far.

    Attributes:
        wants_tokens: The next chunk should be read as tokens (`dtype=object`), not inferred.
    """

    def __init__(
        self, decimal: str, stated_text: bool = False, thousands: str | None = None, date_form: str | None = None
    ) -> None:
        self._decimal = decimal
        self._date_form = date_form
        self._stated_text = stated_text
        self._thousands = thousands
        self._rows = 0
        self._missing = 0
        self._first: str | None = None  # the first token that is not an int64: "nonint" or "over"
        self._stop: str | None = None  # what ended the pass over the tokens as unsigned integers
        self._negative = False
        self._beyond_int64 = False
        self._all_float = self._all_bool = self._all_python_int = True
        self.wants_tokens = False

    @property
    def missing(self) -> int:
        """How many cells are missing, as far as is known."""
        return self._missing

    @property
    def _settled(self) -> bool:
        """Whether the order of the tokens to come no longer matters."""
        return "nonint" in (self._first, self._stop)

    @property
    def is_text(self) -> bool:
        """Whether the column is text, whatever comes: only its missing cells are still of interest."""
        return self._stated_text or (self._settled and not self._all_float and not self._all_bool)

    def add_text(self, rows: int, missing: int) -> None:
        """Take in a chunk of a column that is text for good."""
        self._rows += rows
        self._missing += missing

    def add_inferred(self, values: Cells, long_digits: Ask, last: bool, minus_zero: Ask) -> bool:
        """Take in a chunk as pandas inferred it; return whether its tokens are needed instead.

        Args:
            values: The chunk's column.
            long_digits: Tells whether a run of 19 digits occurs anywhere in the chunk.
            last: Whether no chunk comes after it, which could ask for its tokens.
            minus_zero: Tells whether something like `-0` occurs anywhere in the chunk.
        """
        rows, kind = len(values), "U" if isinstance(values, list) else values.dtype.kind
        non_null = _count(values)
        if self._needs_tokens(values, kind, non_null, long_digits, last, minus_zero):
            return True
        self._rows += rows
        self._missing += rows - non_null
        if non_null == 0:
            return False
        if kind == "i":
            self._all_bool = False
            self._negative = self._negative or bool(np.min(values) < 0)
            return False
        self._note_nonint()
        self._all_bool = self._all_bool and kind in "bO"
        self._all_float = self._all_float and kind in "fu"
        self._all_python_int = self._all_python_int and kind == "u"
        return False

    def _needs_tokens(
        self, values: Cells, kind: str, non_null: int, long_digits: Ask, last: bool, minus_zero: Ask
    ) -> bool:
        if isinstance(values, list):
            return long_digits() and _LONG_INTEGER.search("\0".join(filter(_is_str, values))) is not None
        if kind == "O":
            return long_digits() and any(type(value) is int for value in values)
        if self._settled or non_null == 0:
            return False
        if kind == "i":
            return not last and not self._negative and bool((values == 0).any()) and minus_zero()
        if kind == "f":
            if bool((np.abs(values) >= 2.0**63).any()) and long_digits():
                return True
            return not last and non_null < len(values) and not _has_fraction(values)
        return kind == "u"

    def add_tokens(self, values: list[Any]) -> None:
        """Take in a chunk as its tokens, missing ones as NaN."""
        tokens = list(filter(_is_str, values))
        if self._date_form and tokens and pd.to_datetime(tokens, format=self._date_form, errors="coerce").hasnans:
            self._date_form = None  # pandas leaves the whole column as text
        if self._thousands:
            tokens = [_without_marks(token, self._thousands) for token in tokens]
        self._rows += len(values)
        self._missing += len(values) - len(tokens)
        if not tokens:
            return
        joined = "\0".join(tokens)
        if joined.count("\0") == len(tokens) - 1 and _SMALL_INTEGERS.fullmatch(joined + "\0"):
            self._all_bool = False
            self._negative = self._negative or "-" in joined
        else:
            self._add_mixed(tokens)
        self.wants_tokens = not self._settled

    def _add_mixed(self, tokens: list[str]) -> None:
        for token in tokens:
            match = _INTEGER.fullmatch(token)
            number = _magnitude(match) if match else None
            # Beyond 64 bits, blanks after an integer make it none.
            over = "nonint" if match is None or match[3] else "over"
            if self._first is None and (number is None or number > INT64_MAX + (match is not None and match[1] == "-")):
                self._first = over
            if self._stop is None:
                self._advance(token, number, over)
            self._all_python_int = self._all_python_int and _is_python_int(token)
        distinct = set(tokens)
        self._all_bool = self._all_bool and all(_BOOLEAN.fullmatch(token) for token in distinct)
        self._all_float = self._all_float and are_floats(distinct, self._decimal)

    def _advance(self, token: str, number: int | None, over: str) -> None:
        if token.lstrip(" \t\n\v\f\r").startswith("-"):
            self._negative = True
        elif number is None:
            self._stop = "nonint"
        elif number > UINT64_MAX:
            self._stop = over
        elif number > INT64_MAX:
            self._beyond_int64 = True

    def _note_nonint(self) -> None:
        self._first = self._first or "nonint"
        self._stop = self._stop or "nonint"

    def _stated_dtype(self, present: int) -> str:
        if self._date_form is None or not self._rows:
            return "str" if self._date_form is None else "object"
        return "datetime64[us]" if present else "datetime64[s]"

    def result(self) -> tuple[str, int]:
        """Return the dtype's name and the count of non-missing values of the whole column."""
        present = self._rows - self._missing
        if self._stated_text:
            return self._stated_dtype(present), present
        if self._rows == 0:
            return "object", 0
        if present == 0:
            return "float64", 0
        if self._first is None:
            return ("float64" if self._missing else "int64"), present
        if self._settled:
            if self._all_float:
                return "float64", present
            if self._all_bool:
                return ("object" if self._missing else "bool"), present
            return "str", present
        mixed = self._beyond_int64 and (self._negative or self._missing > 0)
        if self._stop == "over" or (self._negative and not mixed):
            # pandas tries Python integers, and failing that keeps every cell as text, the empty ones too.
            return ("object", present) if self._all_python_int else ("str", self._rows)
        return ("str", self._rows) if mixed else ("uint64", present)


def as_cells(series: pd.Series[Any]) -> Cells:
    """Return a chunk's column as its cells."""
    return series.tolist() if isinstance(series.dtype, pd.StringDtype) else series.to_numpy()


def _without_marks(token: str, mark: str) -> str:
    """Return a number without the marks between its thousands, as pandas reads it; other text as it is."""
    plain = token.replace(mark, "")
    return plain if mark in token and plain[:1].lstrip("+-").isdigit() | plain[1:2].isdigit() else token


def _is_str(value: object) -> bool:
    return type(value) is str


def _count(values: Cells) -> int:
    """Return how many values are not missing, quickly where the kind makes that easy."""
    if isinstance(values, list):
        return sum(map(_is_str, values))
    if values.dtype.kind == "f":
        return len(values) - int(np.count_nonzero(np.isnan(values)))
    return len(values) - int(np.count_nonzero(pd.isna(values))) if values.dtype.kind == "O" else len(values)


def _magnitude(match: re.Match[str]) -> int:
    digits = match[2].lstrip("0")
    return int(digits or "0") if len(digits) <= 20 else 10**20


def _is_python_int(token: str) -> bool:
    if not token.isascii():
        return False
    try:
        int(token)
    except ValueError:  # no integer, or beyond the 4,300 digits that Python converts
        return False
    return True


def _has_fraction(numbers: np.ndarray[Any, Any]) -> bool:
    """Whether a value can only have been written as a float: a fraction or an infinity."""
    present = numbers[~np.isnan(numbers)]
    return bool((np.isinf(present) | (np.floor(present) != present)).any())


def are_floats(tokens: set[str], decimal: str) -> bool:
    """Return whether pandas reads every one of these tokens, none of them missing, as a float.

    A fraction goes before them: after one, pandas asks nothing else of the tokens. (A stated `dtype` would not do: it
    takes more than the inference, for example `1_000`.)
    """
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_ALL)
    writer.writerows([["x"], [f"0{decimal}5"], *([token] for token in tokens)])
    text.seek(0)
    column = pd.read_csv(text, decimal=decimal, keep_default_na=False, low_memory=False)["x"]
    return column.dtype.kind == "f"
