"""How columns are masked, as a person writes it: `hash`, `last:4`, `drop`, ... .

A rule is a value on the ground, so that contracts and settings can hold it; what its method does is left to
`flows.lake.landing.methods`. The column's name and the method go into the errors, since a person wrote both.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, cast, get_args

from flows.lake.errors import SettingsError
from flows.lake.words import quoted

Method = Literal["hash", "shape", "encrypt", "redact", "empty", "domain", "year", "month", "first", "last", "drop"]
METHODS: tuple[Method, ...] = get_args(Method)
KEYED: frozenset[Method] = frozenset({"hash", "shape", "encrypt"})
COUNTED: frozenset[Method] = frozenset({"first", "last"})

MOST_KEPT = 64
"""Characters that `first` and `last` may keep."""

_RULE = re.compile(r"(?P<method>[a-z]+)(?::(?P<count>[0-9]+))?")


@dataclass(frozen=True)
class MaskingRule:
    """How one column is masked.

    Attributes:
        method: What is done to its cells.
        count: How many characters `first` and `last` keep; `None` for the others.
    """

    method: Method
    count: int | None = None

    def __post_init__(self) -> None:
        if (self.method in COUNTED) != (self.count is not None):
            raise ValueError("first and last take a number of characters, the other methods none")
        if self.count is not None and not 1 <= self.count <= MOST_KEPT:
            raise ValueError(f"the number of characters is from 1 to {MOST_KEPT}")

    @property
    def needs_key(self) -> bool:
        """Whether it can be done with a key alone."""
        return self.method in KEYED

    def __str__(self) -> str:
        return self.method if self.count is None else f"{self.method}:{self.count}"


@dataclass(frozen=True)
class MaskingRules:
    """How the columns of a dataset are masked.

    Attributes:
        by_column: Each column's rule, by the column's name, in the order of names.
    """

    by_column: tuple[tuple[str, MaskingRule], ...] = ()

    @classmethod
    def parse(cls, columns: Mapping[str, object]) -> MaskingRules:
        """Return the rules that a person wrote: the column's name to the text of its rule.

        Raises:
            SettingsError: One of them is no rule; names it and its column.
        """
        return cls(tuple(sorted((column, parse_rule(text, column)) for column, text in columns.items())))

    def __bool__(self) -> bool:
        return bool(self.by_column)

    def __iter__(self) -> Iterator[tuple[str, MaskingRule]]:
        return iter(self.by_column)

    @property
    def needs_key(self) -> bool:
        """Whether a key must be loaded for them."""
        return any(rule.needs_key for _, rule in self.by_column)

    @property
    def digest(self) -> str:
        """SHA-256 of the rules, hexadecimal: the same for the same rules in any order."""
        return hashlib.sha256(json.dumps(self.as_texts(), sort_keys=True).encode()).hexdigest()

    def as_texts(self) -> dict[str, str]:
        """Return the rules as a person writes them, which `parse` reads."""
        return {column: str(rule) for column, rule in self.by_column}


@dataclass(frozen=True)
class MissingMarkers:
    """What stands for a missing value, which is left as it is.

    Attributes:
        everywhere: In every column.
        own: In one column more, by its name.
    """

    everywhere: frozenset[str]
    own: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def of(self, column: str) -> frozenset[str]:
        """Return the markers of a column."""
        return self.everywhere | self.own.get(column, frozenset())


@dataclass(frozen=True)
class MaskedCells:
    """What became of a column.

    Attributes:
        column: Its name.
        rule: Its rule, as a person writes it.
        masked: How many cells were masked.
        missing: How many were missing, and stayed as they are.
        redacted: How many of the masked were redacted since the method could not deal with them.
    """

    column: str
    rule: str
    masked: int
    missing: int
    redacted: int


@dataclass(frozen=True)
class Masking:
    """How a file was masked, or was to be.

    Attributes:
        rules: Column to rule, as a person writes them.
        key: The fingerprint of the key; `None` where none was needed or had.
        size_bytes: The size of the file before.
        columns: What became of each column; nothing where the file could not be masked.
    """

    rules: Mapping[str, str]
    key: str | None
    size_bytes: int
    columns: tuple[MaskedCells, ...] = ()

    def is_by(self, rules: MaskingRules, key: str | None) -> bool:
        """Whether a file would be masked the same way today; not where a key is needed and cannot be had."""
        if dict(self.rules) != rules.as_texts():
            return False
        return not rules.needs_key or (key is not None and self.key == key)


@dataclass(frozen=True)
class LooksSensitive:
    """A column that looks sensitive and is not masked.

    Attributes:
        column: Its name.
        kind: What it seems to hold.
        mask: The rule that is suggested.
    """

    column: str
    kind: str
    mask: str


def parse_rule(text: object, column: str) -> MaskingRule:
    """Return the rule that a text means.

    Args:
        text: What a person wrote.
        column: The column it is for, for the message.

    Raises:
        SettingsError: It is no rule.
    """
    if isinstance(text, MaskingRule):
        return text
    where = f"The mask of column {quoted(column)}"
    if isinstance(text, Mapping) and len(text) == 1:
        ((name, value),) = text.items()
        raise SettingsError(
            f"{where} is a mapping.",
            remedy=f"Write it without a blank after the colon and in quotes: '{name}:{value}'.",
        )
    if not isinstance(text, str):
        raise SettingsError(f"{where} is {_kind(text)}, not a text.", remedy=f"Write one of: {_choices()}.")
    match = _RULE.fullmatch(text.strip())
    name = match["method"] if match else ""
    if match is None or name not in METHODS:
        near = difflib.get_close_matches(text.strip().lower().partition(":")[0], METHODS, n=1)
        meant = f"Did you mean {near[0]!r}? " if near else ""
        raise SettingsError(f"{where} is {quoted(text)}, which is no method.", remedy=f"{meant}Methods: {_choices()}.")
    method, count = cast("Method", name), match["count"]
    if method in COUNTED and count is None:
        remedy = f"Write '{method}:4' for four characters."
        raise SettingsError(f"{where} is {method!r} without a number of characters.", remedy=remedy)
    if method not in COUNTED and count is not None:
        raise SettingsError(f"{where} is {quoted(text)}, but {method} takes no number.", remedy=f"Write {method!r}.")
    kept = None if count is None else int(count[:9])
    if kept is not None and not 1 <= kept <= MOST_KEPT:
        raise SettingsError(f"{where} keeps {kept:,} characters.", remedy=f"Keep from 1 to {MOST_KEPT} of them.")
    return MaskingRule(method, kept)


def _kind(value: object) -> str:
    if value is None:
        return "empty"
    return {bool: "true or false", int: "a number", float: "a number"}.get(type(value), f"a {type(value).__name__}")


def _choices() -> str:
    return ", ".join(f"{method}:N" if method in COUNTED else method for method in METHODS)
