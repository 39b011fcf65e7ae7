"""The parameters of a run, checked together before the first network call.

The flow's signature keeps to plain types, since that is what Prefect's run form can show; the rules that need more
than a type are here. Every problem is found before one error names them all, so that a form is corrected once.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo

from pydantic import ConfigDict, field_validator

from flows.lake.contracts.collection import NO_CONTRACTS, Contracts, load
from flows.lake.errors import ContractInvalid, LakeError, SettingsError
from flows.lake.places import is_web
from flows.lake.rules import LandingRules
from flows.lake.s3 import storage_rules
from flows.lake.s3.bucket_names import check_bucket_name
from flows.lake.web.addresses import origins


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
    contracts: Contracts
    only_contracts: bool
    group: Literal["off", "auto"]
    expected_bucket_owner: str
    kms_key_id: str
    retention_days: int
    masking_key: str
    masking_off: list[str]
    web_credentials: list[str]
    landing_bucket: str

    model_config = ConfigDict(arbitrary_types_allowed=True)

    @field_validator("tags", mode="before")
    @classmethod
    def _nothing_given(cls, given: dict[str, str] | None) -> dict[str, str]:
        return given or {}

    @field_validator("masking_off", "web_credentials", mode="before")
    @classmethod
    def _none_off(cls, given: list[str] | None) -> list[str]:
        return given or []

    def __init__(self, **given: Any) -> None:
        """Check every rule; not as a validator, whose errors Pydantic would wrap in its own.

        Raises:
            SettingsError: Names every parameter that is wrong, and why.
        """
        contracts, problem = _contracts(given.pop("contracts", None))
        super().__init__(**given, contracts=contracts)
        problems = (*self._problems(), *([problem] if problem else []))
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

    def rules_of(self, dataset: str) -> LandingRules:
        """Return how a dataset's files land: as its contract says, and else as the run was asked."""
        contract = self.contracts.get(dataset)
        if contract is None:
            return self.rules
        stated = {name: getattr(contract, name, None) for name in LandingRules.model_fields}
        return self.rules.model_copy(update={name: value for name, value in stated.items() if value is not None})

    def _problems(self) -> Iterator[str]:
        if self.source == Path():
            # An empty text becomes the current folder, which a run that an event started with no source must not take.
            yield "source is empty: name the folder"
        if is_web(self.source):
            try:
                origins(self.source, date(2000, 1, 1))
            except LakeError as error:
                yield f"source: {str(error).rstrip('.')}"
        if not self.pattern.strip() or "/" in self.pattern:
            yield f"pattern {self.pattern!r} must be a file name with wildcards, without folders (see recursive)"
        if not self.credentials.strip():
            yield "credentials is empty: name the Lake Credentials block"
        if not self.masking_key.strip():
            yield "masking_key is empty: name the Masking Key block"
        if self.timezone not in _known_zones():
            yield f"timezone {self.timezone!r} is not an IANA name such as America/Sao_Paulo"
        yield from self._bucket_problems()
        yield from storage_rules.storage_class_problems(self.storage_class)
        yield from storage_rules.tag_problems(self.tags)
        yield from storage_rules.owner_problems(self.expected_bucket_owner)
        yield from storage_rules.kms_key_problems(self.kms_key_id)

    def _bucket_problems(self) -> Iterator[str]:
        for name in ("bucket", "landing_bucket"):
            value = getattr(self, name)
            if name == "landing_bucket" and not value:
                continue
            try:
                check_bucket_name(value.replace("{account}", "123456789012").replace("{region}", "us-east-1"))
            except LakeError as error:
                yield f"{name}: {str(error).rstrip('.')}"


def _known_zones() -> set[str]:
    from zoneinfo import available_timezones

    return available_timezones()


def _contracts(given: Any) -> tuple[Contracts, str | None]:
    """Read the contracts that are not in S3; return them, and what is wrong with them."""
    try:
        return load(given), None
    except ContractInvalid as error:
        return NO_CONTRACTS, str(error).rstrip(".")
