"""What a run of the analysis leaves for programs to read: what it read, what it made of it, and the funnel.

It lies under `Manifests/Films/`, beside the manifests of what landed and not among them: those say what came from
outside, and only they are believed about it.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from flows.lake import keys

PREFIX = f"{keys.MANIFEST_PREFIX}/Films"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class ReadObject(_Part):
    """An object that was read, as the manifest that names it says."""

    key: str
    sha256: str | None
    size_bytes: int
    version_id: str | None = None
    manifest: str = Field(description="The manifest that names it.")


class MadeObject(_Part):
    """An object that the run made."""

    key: str
    sha256: str
    crc64nvme: str
    size_bytes: int
    etag: str
    version_id: str | None = None
    verified_by: str
    outcome: Literal["uploaded", "unchanged"]


class FunnelStep(_Part):
    """One step of the selection: the films left, and for each reason how many fell out."""

    name: str
    left: int
    fell_out: dict[str, int]


class MadeManifest(_Part):
    """Everything that one run of analyze-films did."""

    model_config = ConfigDict(title="Manifest of a run of analyze-films")

    schema_version: Literal[1] = 1
    run_id: str
    run_name: str
    run_count: int
    logical_date: date
    bucket: str
    started: AwareDatetime
    ended: AwareDatetime
    criteria: dict[str, object] = Field(description="What was asked of a film.")
    read: tuple[ReadObject, ...]
    made: tuple[MadeObject, ...]
    funnel: tuple[FunnelStep, ...]


def manifest_keys(day: date, run_name: str, run_id: str, run_count: int) -> tuple[str, str]:
    """Return the key of a run's manifest, and the one to take where a run of the same name has that already."""
    first, second = keys.manifest_keys(day, run_name, run_id, run_count)
    return _below(first), _below(second)


def _below(key: str) -> str:
    return PREFIX + key.removeprefix(keys.MANIFEST_PREFIX)


def to_json(manifest: MadeManifest) -> str:
    """Write a manifest."""
    return manifest.model_dump_json(indent=1, exclude_none=True) + "\n"


def now_like(started: datetime) -> datetime:
    """Return the time in the zone of another one."""
    return datetime.now(started.tzinfo)
