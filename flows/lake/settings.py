"""The parameters of a run, checked together before the first network call.

The flow's signature keeps to plain types, since that is what Prefect's run form can show; the rules that need more
than a type are here. Every problem is found before one error names them all, so that a form is corrected once.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import field_validator

from flows.lake import keys
from flows.lake.dialect.encoding import is_text_codec
from flows.lake.errors import LakeError, SettingsError
from flows.lake.models import CsvDialect
from flows.lake.rules import LandingRules
from flows.lake.s3 import storage_rules
from flows.lake.s3.bucket_names import check_bucket_name


class IngestSettings(LandingRules):
    """What one run of `ingest-raw` was asked to do; see the flow's docstring for each parameter."""

    source: Path
    pattern: str
    recursive: bool
    bucket: str
    credentials: str
    timezone: str
    follow_links: bool
    reread: bool
    own_tasks_up_to: int
    partition_date: date | None
    datasets: dict[str, str]
    dialects: dict[str, str]
    date_from_name: dict[str, str]
    expected_bucket_owner: str
    kms_key_id: str
    retention_days: int

    @field_validator("datasets", "dialects", "date_from_name", "tags", mode="before")
    @classmethod
    def _nothing_given(cls, given: dict[str, str] | None) -> dict[str, str]:
        return given or {}

    def __init__(self, **given: Any) -> None:
        """Check every rule; not as a validator, whose errors Pydantic would wrap in its own.

        Raises:
            SettingsError: Names every parameter that is wrong, and why.
        """
        super().__init__(**given)
        problems = tuple(self._problems())
        if problems:
            count = f"{len(problems)} parameters are" if len(problems) > 1 else "1 parameter is"
            raise SettingsError(f"{count} wrong: {'; '.join(problems)}.", remedy="Correct the run's parameters.")

    @property
    def rules(self) -> LandingRules:
        """How files land."""
        return LandingRules(**{name: getattr(self, name) for name in LandingRules.model_fields})

    @property
    def zone(self) -> ZoneInfo:
        """The time zone that decides the partition date."""
        return ZoneInfo(self.timezone)

    def dialect_of(self, dataset: str) -> CsvDialect:
        """Return what the user states about a dataset's files."""
        return parse_dialect(self.dialects.get(dataset, ""))

    def _problems(self) -> Iterator[str]:
        if self.source == Path():
            # An empty text becomes the current folder, which a run that an event started with no source must not take.
            yield "source is empty: name the folder"
        if not self.pattern.strip() or "/" in self.pattern:
            yield f"pattern {self.pattern!r} must be a file name with wildcards, without folders (see recursive)"
        if not self.credentials.strip():
            yield "credentials is empty: name the Lake Credentials block"
        if self.timezone not in _known_zones():
            yield f"timezone {self.timezone!r} is not an IANA name such as America/Sao_Paulo"
        yield from self._bucket_problems()
        yield from storage_rules.storage_class_problems(self.storage_class)
        yield from storage_rules.tag_problems(self.tags)
        yield from storage_rules.owner_problems(self.expected_bucket_owner)
        yield from storage_rules.kms_key_problems(self.kms_key_id)
        for name, dataset in self.datasets.items():
            if wrong := keys.check_dataset_name(dataset):
                yield f"datasets: the name {dataset!r} given for {name!r} {wrong}"
        for dataset, pattern in self.date_from_name.items():
            if wrong := keys.check_date_pattern(pattern):
                yield f"{wrong.rstrip('.')} (for {dataset!r})"
        for dataset, text in self.dialects.items():
            try:
                parse_dialect(text)
            except ValueError as error:
                yield f"dialects, {dataset!r}: {error}"

    def _bucket_problems(self) -> Iterator[str]:
        try:
            check_bucket_name(self.bucket.replace("{account}", "123456789012").replace("{region}", "us-east-1"))
        except LakeError as error:
            yield f"bucket: {str(error).rstrip('.')}"


def _known_zones() -> set[str]:
    from zoneinfo import available_timezones

    return available_timezones()


def parse_dialect(text: str) -> CsvDialect:
    r"""Read a dialect from `delimiter=; encoding=cp1252 decimal=, quotechar="`; what is not named is detected.

    A tab is written `\t` or `tab`, a blank `space`.

    Raises:
        ValueError: A word is not of that form.
    """
    values: dict[str, str] = {}
    for word in text.split():
        name, equals, value = word.partition("=")
        if not equals or name not in {"delimiter", "encoding", "decimal", "quotechar"}:
            raise ValueError(f"{word!r} is not one of delimiter=…, encoding=…, decimal=…, quotechar=…")
        value = {"\\t": "\t", "tab": "\t", "space": " "}.get(value, value)
        if name == "encoding":
            if not is_text_codec(value):
                raise ValueError(f"encoding {value!r} is not a text encoding that Python knows")
        elif len(value) != 1:
            raise ValueError(f"{name} must be one character, not {value!r}")
        values[name] = value
    return CsvDialect(**values)
