"""How one file is read: what is stated and what was found, as keyword arguments of `pandas.read_csv`."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from flows.lake.dialect.structure import Structure
from flows.lake.models import CsvDialect


@dataclass(frozen=True)
class Reading:
    """How a file is read.

    Attributes:
        delimiter: The field separator.
        decimal: The decimal mark.
        quotechar: The quote character.
        plain_quotes: Quotes are letters like others.
        how: What the parser is told of each block besides: the same for the whole file.
        skip: Lines above the header, or above the first row.
        has_header: Whether a line names the columns.
        names: Their names, where they are stated.
        closing_delimiter: Each row ends with a delimiter that the header does not have.
        doubled: Two delimiters stand between fields.
        footer: Lines below the table, where that is stated.
        text: Columns that are text whatever they hold.
        dates: Columns that hold dates, and the form of each.
        column_missing: Columns with markers of their own for a missing value, and those.
        width: The number of columns, where it was found.
        long_first_row: The line of a first row that alone is too long, counted from 1.
        looks: Whether what is not stated may be looked for: a row that is too long at the top, notes at the end.
    """

    delimiter: str
    decimal: str
    quotechar: str
    plain_quotes: bool = False
    how: Mapping[str, Any] = field(default_factory=dict)
    skip: int = 0
    has_header: bool = True
    names: tuple[str, ...] = ()
    closing_delimiter: bool = False
    doubled: bool = False
    footer: int | None = None
    text: tuple[str, ...] = ()
    dates: Mapping[str, str] = field(default_factory=dict)
    column_missing: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    width: int = 1
    long_first_row: int | None = None
    looks: bool = False

    @property
    def csv(self) -> dict[str, Any]:
        """The same for the standard library's reader."""
        return {
            "delimiter": self.delimiter,
            "quotechar": self.quotechar,
            "quoting": csv.QUOTE_NONE if self.plain_quotes else csv.QUOTE_MINIMAL,
            "escapechar": self.how.get("escapechar"),
            "skipinitialspace": self.how.get("skipinitialspace", False),
        }

    @property
    def names_columns(self) -> bool:
        """Whether something is stated of columns by their names."""
        return bool(self.dates or self.column_missing)

    @property
    def as_text(self) -> frozenset[str]:
        """The columns of which pandas is asked for the text."""
        return frozenset((*self.text, *self.dates))

    def missing_in(self, names: Mapping[str, str]) -> dict[str, list[str]]:
        """Return the markers of columns that have their own, by what the columns are called where they are read.

        Args:
            names: What the columns are called, by their names.
        """
        everywhere = list(self.how.get("na_values", ()))
        own = {name: [*everywhere, *self.column_missing.get(name, ())] for name in names}
        return {called: own[name] for name, called in names.items() if own[name]}

    def keywords(self, width: int, names: list[str], *, rows: int | None, skipped: tuple[int, ...]) -> dict[str, Any]:
        """Return what `pandas.read_csv` must be told beyond delimiter, decimal mark and quote character.

        Args:
            width: Columns.
            names: Their names.
            rows: How many rows are read, where something below them is not.
            skipped: Lines, counted from 0, that are left out beside those above the table.
        """
        told: dict[str, Any] = dict(self.how)
        if self.plain_quotes:
            told["quoting"] = csv.QUOTE_NONE
        if skipped:
            told["skiprows"] = [*range(self.skip), *skipped]
        elif self.skip:
            told["skiprows"] = self.skip
        if not self.has_header:
            told |= {"header": None, "names": list(names)}
        elif self.names:
            told |= {"header": 0, "names": list(names)}
        if self.closing_delimiter:
            told["index_col"] = False
        if self.doubled:
            told["usecols"] = list(range(0, 2 * width, 2))
        if self.text:
            told["dtype"] = {name: "str" for name in self.text if name in names}
        if self.column_missing:
            told["na_values"] = self.missing_in({name: name for name in names})
        if dates := {name: form for name, form in self.dates.items() if name in names}:
            told |= {"parse_dates": list(dates), "date_format": dates}
        if rows is not None:
            told["nrows"] = rows
        return told


def reading_of(stated: CsvDialect, structure: Structure, decimal: str, delimiter: str, quotechar: str) -> Reading:
    """Join what is stated with what was found; what is stated goes first."""
    plain_quotes = structure.plain_quotes if stated.quoting is None else not stated.quoting
    how: dict[str, Any] = {}
    if (escapechar := stated.escapechar or (structure.escapechar if stated.quoting is None else None)) is not None:
        how["escapechar"] = escapechar
    if structure.after_blanks:
        how["skipinitialspace"] = True
    if stated.comment:
        how["comment"] = stated.comment
    if stated.thousands:
        how["thousands"] = stated.thousands
    if stated.missing:
        how["na_values"] = list(stated.missing)
    has_header = structure.has_header if stated.header is None else stated.header
    if stated.names and stated.header is None:
        has_header = structure.has_header
    long_first_row = structure.long_first_row
    if long_first_row is not None:
        long_first_row = None if stated.header is False else long_first_row + (stated.skip or 0)
    return Reading(
        delimiter,
        decimal,
        quotechar,
        plain_quotes,
        how,
        structure.skip if stated.skip is None else stated.skip,
        has_header,
        stated.names,
        structure.closing_delimiter and has_header,
        structure.doubled,
        stated.footer,
        stated.text,
        dict(stated.dates),
        dict(stated.column_missing),
        structure.width,
        None
        if stated.header is False or structure.long_first_row is None
        else structure.long_first_row + (stated.skip or 0),
    )
