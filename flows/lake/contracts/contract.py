"""The contract of a dataset: which files are its, how they are read, when they are due, and how they land.

The models below are the format's definition; `python -m flows.contracts schema` prints them as JSON Schema, which is
published as `docs/contract.schema.json` and completes the file in editors. The words are those of the Open Data
Contract Standard (https://bitol-io.github.io/open-data-contract-standard/) where it has one (`description`,
`required`), pandas' for how a file is read, and the flow's own parameters' for how it lands.
"""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import date, time
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from flows.lake.contracts.patterns import date_pattern, file_pattern, is_address
from flows.lake.contracts.rhythm import Rhythm, parse_rhythm
from flows.lake.dialect.encoding import is_text_codec
from flows.lake.masking_rules import MaskingRules, parse_rule
from flows.lake.models import CsvDialect
from flows.lake.rules import OnDrift, SensitiveColumns, Unreadable
from flows.lake.s3 import storage_rules

STORAGE_CLASS = Literal[storage_rules.STORAGE_CLASSES]  # type: ignore[valid-type]
_SIGNS = {"\\t": "\t", "tab": "\t", "space": " "}


def _as_list(given: Any) -> Any:
    return [given] if isinstance(given, str) else given


def _as_columns(given: Any) -> Any:
    return {name: {} if of is None else of for name, of in given.items()} if isinstance(given, dict) else given


def _sign(text: str) -> str:
    sign = _SIGNS.get(text, text)
    if len(sign) != 1 or not sign.isascii() or sign in "\r\n\0":
        raise ValueError(f"{text!r} is not one ASCII character (a tab is written tab, a blank space)")
    return sign


def _codec(name: str) -> str:
    if not is_text_codec(name):
        raise ValueError(f"{name!r} is not a text encoding that Python knows, such as utf-8, cp1252 or latin-1")
    return name


def _refuse(problems: Iterable[str]) -> None:
    if texts := list(problems):
        raise ValueError("; ".join(texts))


Sign = Annotated[str, AfterValidator(_sign)]
Text = Annotated[str, Field(max_length=2_000)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Read(_Part):
    """How a dataset's files are read; what is not stated is detected."""

    delimiter: Sign | None = Field(default=None, description="The field separator; tab and space are written as words.")
    encoding: Annotated[str, AfterValidator(_codec)] | None = Field(
        default=None, description="The name of a Python codec, such as cp1252."
    )
    decimal: Sign | None = Field(default=None, description="The decimal mark.")
    quotechar: Sign | None = Field(default=None, description="The quote character.")
    quoting: Literal["minimal", "none"] | None = Field(
        default=None, description="none: quotes are letters like others."
    )
    escapechar: Sign | None = Field(default=None, description="The sign that escapes a quote.")
    header: Literal["first", "none"] | None = Field(default=None, description="none: no line names the columns.")
    names: tuple[str, ...] = Field(default=(), description="The names of the columns, in their order.")
    skip: Annotated[int, Field(ge=0, le=10_000)] | None = Field(default=None, description="Lines above the header.")
    footer: Annotated[int, Field(ge=0, le=100)] | None = Field(default=None, description="Records below the table.")
    comment: Sign | None = Field(default=None, description="The sign that begins a comment.")
    thousands: Sign | None = Field(default=None, description="The mark between thousands.")
    missing: Annotated[tuple[str, ...], BeforeValidator(_as_list, json_schema_input_type=str | list[str])] = Field(
        default=(), description="What is written for a missing value, beside what pandas knows."
    )

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Read:
        _refuse(self._contradictions())
        return self

    def _contradictions(self) -> Iterator[str]:
        signs = {name: getattr(self, name) for name in ("delimiter", "decimal", "quotechar", "escapechar", "comment")}
        signs["thousands"] = self.thousands
        for (one, sign), (other, same) in itertools.combinations(signs.items(), 2):
            if sign is not None and sign == same and {one, other} != {"quotechar", "escapechar"}:
                yield f"{one} and {other} are both {sign!r}"
        if self.quoting == "none" and self.quotechar is not None:
            yield "quoting is none, and quotechar is stated"
        if len(set(self.names)) < len(self.names):
            yield "names holds a name twice"

    @property
    def dialect(self) -> CsvDialect:
        """What is stated, as the profile takes it."""
        return CsvDialect(
            self.delimiter,
            self.encoding,
            self.decimal,
            self.quotechar,
            None if self.quoting is None else self.quoting == "minimal",
            self.escapechar,
            None if self.header is None else self.header == "first",
            self.names,
            self.skip,
            self.footer,
            self.comment,
            self.thousands,
            self.missing,
        )


class Expect(_Part):
    """When files of a dataset are due."""

    every: str = Field(description="daily, weekdays, weekly:mon or monthly:1.")
    since: date | None = Field(default=None, description="The first day that counts; without it, the first landing's.")
    by: Annotated[str, Field(pattern=r"^([01]?\d|2[0-3]):[0-5]\d$")] | None = Field(
        default=None, description="The time of day, in the calendar's time zone, before which nothing is missing."
    )

    @field_validator("every")
    @classmethod
    def _is_rhythm(cls, text: str) -> str:
        parse_rhythm(text)
        return text

    @property
    def rhythm(self) -> Rhythm:
        """The days on which it is due."""
        text = self.every if self.since is None else f"{self.every.split()[0]} since {self.since}"
        return replace(parse_rhythm(text), by=time.fromisoformat(self.by.zfill(5)) if self.by else None)


def _as_rhythm(given: Any) -> Any:
    return {"every": given} if isinstance(given, str) else given


def _as_rule(given: Any) -> Any:
    # The column is named by where the problem is.
    return None if given is None else str(parse_rule(given, "this column"))


class Column(_Part):
    """What is known of a column."""

    description: Text | None = Field(default=None, description="What it holds.")
    required: bool = Field(default=False, description="A file without it is rejected.")
    read_as: Annotated[str, Field(pattern=r"^(text|date .*%.*)$")] | None = Field(
        default=None,
        alias="as",
        description="text: its cells are text, whatever they look like. date %d/%m/%Y: they are dates of that form.",
    )
    missing: Annotated[tuple[str, ...], BeforeValidator(_as_list, json_schema_input_type=str | list[str])] = Field(
        default=(), description="What is written for a missing value in this column, beside what pandas knows."
    )
    mask: Annotated[str, BeforeValidator(_as_rule, json_schema_input_type=str)] | None = Field(
        default=None,
        description="How its cells are masked before they land: hash, last:4, drop, ... (docs/landing.md).",
    )


class Contract(_Part):
    """What is known of a dataset, once."""

    description: Text | None = Field(default=None, description="What the dataset is.")
    owner: Annotated[str, Field(max_length=255)] | None = Field(
        default=None, description="Who is asked when something is wrong with it; alerts name them."
    )
    files: Annotated[
        tuple[Annotated[str, AfterValidator(file_pattern)], ...],
        BeforeValidator(_as_list, json_schema_input_type=str | list[str]),
    ] = Field(
        default=(),
        description="Names of its files, with wildcards and without case, or their https:// addresses, in which %Y, %m "
        "and %d stand for the day. Without any: files named like the dataset.",
    )
    date: Annotated[str, AfterValidator(date_pattern)] | None = Field(
        default=None, description="The form of the day in its file names, such as _%Y-%m-%d: they land on that day."
    )
    unpack: bool = Field(
        default=False, description="Of a ZIP archive, land each CSV file in it as a file of its own, not the archive."
    )
    read: Read = Field(default=Read(), description="How its files are read; what is not stated is detected.")
    expect: Annotated[Expect | None, BeforeValidator(_as_rhythm, json_schema_input_type=str | Expect | None)] = Field(
        default=None, description="When its files are due; the rhythm alone will do."
    )
    columns: Annotated[
        dict[str, Column], BeforeValidator(_as_columns, json_schema_input_type=dict[str, Column | None])
    ] = Field(default={}, description="What is known of its columns, by their names.")
    on_drift: OnDrift | None = Field(default=None, description="As the run's parameter, for this dataset.")
    drift_rows_percent: Annotated[int, Field(ge=1, le=1_000_000)] | None = Field(
        default=None, description="As the run's parameter, for this dataset."
    )
    unreadable: Unreadable | None = Field(default=None, description="As the run's parameter, for this dataset.")
    bad_rows_percent: Annotated[int, Field(ge=0, le=100)] | None = Field(
        default=None, description="As the run's parameter, for this dataset."
    )
    sensitive: SensitiveColumns | None = Field(default=None, description="As the run's parameter, for this dataset.")
    max_columns: Annotated[int, Field(ge=1, le=1_000_000)] | None = Field(
        default=None, description="As the run's parameter, for this dataset."
    )
    storage_class: STORAGE_CLASS | None = Field(default=None, description="As the run's parameter, for this dataset.")
    tags: dict[str, str] | None = Field(default=None, description="As the run's parameter, for this dataset.")
    kms_key_id: str | None = Field(
        default=None, description="KMS key that encrypts its objects; without one, the bucket's own encryption does."
    )

    @field_validator("tags")
    @classmethod
    def _are_tags(cls, given: dict[str, str] | None) -> dict[str, str] | None:
        _refuse(storage_rules.tag_problems(given or {}))
        return given

    @field_validator("kms_key_id")
    @classmethod
    def _is_key(cls, given: str | None) -> str | None:
        _refuse(storage_rules.kms_key_problems(given or ""))
        return given

    @property
    def addresses(self) -> tuple[str, ...]:
        """Where its files are published."""
        return tuple(filter(is_address, self.files))

    @property
    def names(self) -> tuple[str, ...]:
        """What its files are called, with wildcards."""
        return tuple(pattern for pattern in self.files if not is_address(pattern))

    @property
    def required(self) -> tuple[str, ...]:
        """The columns that a file must have."""
        return tuple(name for name, column in self.columns.items() if column.required)

    @property
    def mask(self) -> MaskingRules:
        """How its columns are masked; nothing where none is."""
        return MaskingRules.parse({name: column.mask for name, column in self.columns.items() if column.mask})

    @property
    def dialect(self) -> CsvDialect:
        """What is stated of how its files are read."""
        columns = self.columns.items()
        return replace(
            self.read.dialect,
            text=tuple(name for name, column in columns if column.read_as == "text"),
            dates=tuple((name, of.read_as[5:]) for name, of in columns if of.read_as and of.read_as != "text"),
            column_missing=tuple((name, column.missing) for name, column in columns if column.missing),
        )

    @cached_property
    def text(self) -> str:
        """What was stated, as JSON with its keys in order: equal for two contracts that say the same."""
        stated = self.model_dump(mode="json", exclude_unset=True, by_alias=True)
        return json.dumps(stated, sort_keys=True, ensure_ascii=False, separators=(",", ":"))

    @cached_property
    def sha256(self) -> str:
        """The digest of its text, hexadecimal, by which manifests name it."""
        return digest(self.text)


def digest(text: str) -> str:
    """Return the digest by which manifests name a contract's text."""
    return hashlib.sha256(text.encode()).hexdigest()


def json_schema() -> str:
    """Return the JSON Schema of a file of contracts, as `docs/contract.schema.json` holds it."""
    contract = Contract.model_json_schema()
    parts = contract.pop("$defs")
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Contracts of datasets",
        "description": "Dataset to its contract.",
        "type": "object",
        "additionalProperties": {"anyOf": [{"$ref": "#/$defs/Contract"}, {"type": "null"}]},
        "$defs": {"Contract": contract, **parts},
    }
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
