"""Owns the answer to "which columns look as if they held what the law calls personal data, and why?".

A column counts when at least 80 % of those of its cells that are not missing are valid, and enough of them are
distinct: a check digit is right by chance once in ten. Precision comes first; what is found is a suggestion to a
person, who writes the contract. Some hundred cells of each block are looked at, so that it costs a profile next to
nothing; neither the answer nor its `repr` holds a cell.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from flows.lake.landing.sensitive_cells import BY_CELLS, BY_NAME, Kind, Sign
from flows.lake.landing.sensitive_names import begins_with_given_name, is_bare_name, kind_of_name, speaks_of_versions
from flows.lake.masking_rules import LooksSensitive
from flows.lake.tables.text_cells import MARKERS, MISSING
from flows.lake.words import quoted

VALID_PERCENT = 80
GIVEN_NAMES_PERCENT = 40
CELLS_A_BLOCK = 400
MOST_CELLS = 2_000
_FIRST_LOOK = 24
_LIKELY = re.compile(r"@|\d(?:\D{0,2}\d){7}|\d\.\d|:[0-9A-Fa-f]*:|[0-9A-Z]{3}[./]?[0-9A-Z]{3}", re.ASCII)
"""What every cell has that shows by itself what it is, and most cells have not."""
_NAMED = frozenset(BY_NAME.values())
_MISSING = frozenset((*MISSING, *MARKERS))
_SMALLEST_NUMBER = 10**8  # an identifying number that lost more than two leading zeros is another number

Values = Sequence[object] | np.ndarray[Any, Any]


@dataclass(frozen=True)
class SensitiveColumn:
    """A column that looks sensitive.

    Attributes:
        column: Its name.
        kind: What it seems to hold.
        valid: How many of the cells looked at are valid.
        checked: How many cells were looked at.
        distinct: How many different ones are among the valid.
        by: What was checked, for people.
        mask: The rule that is suggested.
    """

    column: str
    kind: Kind
    valid: int
    checked: int
    distinct: int
    by: str
    mask: str

    @property
    def why(self) -> str:
        """Return why it counts, as a clause."""
        return (
            f"{self.valid:,} of {self.checked:,} cells looked at are valid as {self.kind} ({self.by}), "
            f"{self.distinct:,} of them distinct"
        )

    def sentence(self) -> str:
        """Return what a person should know, as a sentence."""
        return f"Column {quoted(self.column)} looks sensitive: {self.why}."


@dataclass
class _Column:
    name: str
    signs: tuple[Sign, ...]
    bare_name: bool
    checked: int = 0
    given: int = 0
    valid: dict[Kind, int] = field(default_factory=dict)
    distinct: dict[Kind, set[int]] = field(default_factory=dict)

    def look(self, texts: list[str], numbers: bool) -> None:
        if not self.checked:
            first = texts[:_FIRST_LOOK]
            likely = [text for text in first if _LIKELY.search(text)]
            self.signs = tuple(
                sign
                for sign in self.signs
                if any(map(sign.looks.fullmatch, _wholes(sign, first if sign in _NAMED else likely, numbers)))
            )
        self.checked += len(texts)
        if self.bare_name:
            self.given += sum(map(begins_with_given_name, texts))
        for sign in self.signs:
            whole = _wholes(sign, texts, numbers)
            ones = [text for text in whole if text and sign.looks.fullmatch(text) and sign.is_one(text)]
            self.valid[sign.kind] = self.valid.get(sign.kind, 0) + len(ones)
            self.distinct.setdefault(sign.kind, set()).update(map(hash, ones))

    def found(self) -> SensitiveColumn | None:
        for sign in sorted(self.signs, key=lambda sign: -self.valid.get(sign.kind, 0)):
            valid, distinct = self.valid.get(sign.kind, 0), len(self.distinct.get(sign.kind, ()))
            if 100 * valid < VALID_PERCENT * self.checked or distinct < sign.distinct:
                continue
            if self.bare_name and sign.kind == "name of a person" and not self._are_persons():
                continue
            return SensitiveColumn(self.name, sign.kind, valid, self.checked, distinct, sign.by, sign.mask)
        return None

    def _are_persons(self) -> bool:
        return 100 * self.given >= GIVEN_NAMES_PERCENT * self.checked

    def __repr__(self) -> str:
        return f"_Column({self.name!r})"


class SensitiveFinder:
    """The search for sensitive columns in a table that comes in blocks.

    Args:
        names: The columns' names, in the file's order.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self._columns = [_column(name) for name in names]

    def note(self, position: int, values: Values) -> None:
        """Look at some of a column's cells in a block; those of an array of cut-off bytes tell nothing.

        Args:
            position: Which column.
            values: Its cells: numbers as pandas parsed them, or their texts; what is missing may be anything.
        """
        column = self._columns[position]
        if column.checked >= MOST_CELLS or not len(values) or (column.checked and not column.signs):
            return
        sample = values[:: max(1, len(values) // CELLS_A_BLOCK)]
        numbers = isinstance(sample, np.ndarray) and sample.dtype.kind in "iuf"
        if numbers:
            texts = _number_texts(np.asarray(sample))
        elif isinstance(sample, np.ndarray) and sample.dtype.kind in "bS":
            return
        else:
            texts = [text for cell in sample if isinstance(cell, str) and (text := cell.strip()) not in _MISSING]
        if texts:
            column.look(texts, numbers)

    def found(self) -> tuple[SensitiveColumn, ...]:
        """Return the columns that look sensitive, in the file's order."""
        return tuple(found for column in self._columns if (found := column.found()))


def _column(name: str) -> _Column:
    bare, kind = is_bare_name(name), kind_of_name(name)
    named = BY_NAME.get("name of a person" if bare else kind) if bare or kind else None  # type: ignore[arg-type]
    # Where the name speaks, its own kind counts before what the cells look like by chance.
    not_one = {named.kind if named else None, "IP address" if speaks_of_versions(name) else None}
    others = tuple(sign for sign in BY_CELLS if sign.kind not in not_one)
    return _Column(name, (*((named,) if named else ()), *others), bare)


def _number_texts(values: np.ndarray[Any, Any]) -> list[str]:
    """Return the numbers that may identify somebody as texts: whole ones with nine digits or more."""
    # The median asks for more than the largest, which tells of most columns that they hold no such number.
    if not len(values) or not np.fmax.reduce(values) >= _SMALLEST_NUMBER:
        return []
    if values.dtype.kind == "f":
        values = values[np.isfinite(values)]
        if not len(values) or (values != np.floor(values)).any() or np.abs(values).max() >= 2**53:
            return []
    if not len(values) or np.median(values) < _SMALLEST_NUMBER:
        return []
    return [str(int(value)) for value in values.tolist()]


def _whole(sign: Sign, text: str) -> str:
    """Return a number with the leading zeros that pandas took from it."""
    return text.zfill(sign.digits) if sign.digits and len(text) >= len(str(_SMALLEST_NUMBER)) else text


def _wholes(sign: Sign, texts: list[str], numbers: bool) -> list[str]:
    return [_whole(sign, text) for text in texts] if numbers else texts


def contract_of(dataset: str, columns: Iterable[SensitiveColumn | LooksSensitive]) -> str:
    """Return the contract, as YAML to paste, that masks columns as is suggested for them."""
    import yaml  # only where something was found

    rules = {one.column: {"mask": one.mask} for one in columns}
    return yaml.safe_dump({dataset: {"columns": rules}}, allow_unicode=True, sort_keys=False)
