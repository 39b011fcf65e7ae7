"""What a run leaves in the lake for programs to read: its manifest, one JSON object with an entry for each file.

The model below is the format's definition; `python -m flows.lake.manifests.manifest` prints it as JSON Schema, which is
published as `docs/manifest.schema.json`. A reader of version 1 ignores fields that it does not know, so fields may be
added under the same version; a change of meaning gets the next number.

Whatever lies in the lake is input from outside: a manifest that is wrong in any way is refused as a whole. And since a
record can make a run leave a file unread, runs sign what they write (HMAC-SHA-256) with a key that the lake does not
hold; only a signed record is believed that far (docs/decisions/0092).

Left to others: where manifests are kept (`flows.lake.manifests.store`) and what they tell of the past
(`flows.lake.manifests.history`).
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import date, datetime
from typing import Literal

from pydantic import AwareDatetime, ConfigDict, Field, PrivateAttr

from flows.lake import keys
from flows.lake.contracts.contract import Contract
from flows.lake.contracts.patterns import forms_of
from flows.lake.manifests import archives
from flows.lake.manifests.copied import ManifestOrigin
from flows.lake.manifests.entries import (
    Count,
    ManifestColumn,
    ManifestDrift,
    ManifestFile,
    ManifestStep,
    Part,
    Seconds,
)
from flows.lake.manifests.signature import is_signed
from flows.lake.memory import seldom_collected
from flows.lake.models import CsvProfile, FileOutcome
from flows.lake.places import place_text, source_text
from flows.lake.run_models import RunSummary
from flows.lake.units import MIB

MAX_BYTES = 64 * MIB
"""Nothing larger is read: a manifest of 50,000 files with 15 columns each has about that. Read, it takes eight times as
much memory at worst."""


_MOST_STEPS = 50


class Manifest(Part):
    """Everything that one run of ingest-raw did."""

    model_config = ConfigDict(title="Manifest of a run of ingest-raw")

    schema_version: Literal[1] = Field(description="The version of this format.")
    run_id: str = Field(description="Prefect's id of the flow run.")
    run_name: str = Field(description="Its name.")
    run_count: Count = Field(description="The attempt: a run that is tried again keeps its id and name.")
    logical_date: date = Field(description="The day that the run was for: the day of its partition.")
    source: str = Field(description="The folder, as the machine that ran the flow saw it.")
    bucket: str = Field(description="The bucket.")
    started: AwareDatetime = Field(description="When the run began.")
    ended: AwareDatetime = Field(description="When its last file was done.")
    duration_s: Seconds = Field(description="Seconds between the two.")
    files: tuple[ManifestFile, ...] = Field(description="One entry for each chosen file, in the order of their paths.")
    contracts: dict[str, str] | None = Field(
        default=None, description="The contracts that files were read by, as JSON: SHA-256 of the text to the text."
    )
    next_steps: tuple[ManifestStep, ...] | None = Field(
        default=None, description="What a person will want to do after the run; left out where there is nothing."
    )
    copied_from: ManifestOrigin | None = Field(default=None, description="Where a copy of a lake has it from.")
    signature: str | None = Field(
        default=None, description="HMAC-SHA-256 of everything before it, by a key of the Prefect server's."
    )
    _is_signed: bool = PrivateAttr(default=False)

    def contract_of(self, file: ManifestFile) -> str | None:
        """Return the text of the contract that a file was read by, empty where it had none; `None` if unknown."""
        if self.contracts is None:
            return None
        return self.contracts.get(file.contract or "", "")

    def masks(self) -> dict[str, bool]:
        """Return for each dataset of the run whether it was masked; what neither landed nor had rules tells nothing."""
        datasets: dict[str, bool] = {}
        for file in self.files:
            if file.landed or file.masking:
                datasets[file.dataset] = datasets.get(file.dataset, False) or file.masking is not None
        return datasets

    @property
    def is_signed(self) -> bool:
        """Whether a run that had the reader's key wrote it; only then a file is left unread for what it says."""
        return self._is_signed


@seldom_collected()
def of_run(summary: RunSummary, run_count: int, ended: datetime, contracts: Mapping[str, Contract]) -> Manifest:
    """Make the manifest of a run.

    Args:
        summary: The run; not a dry one.
        run_count: Its attempt, counted from 1.
        ended: When its last file was done.
        contracts: The contracts of the datasets that have one.
    """
    used = {outcome.dataset: contracts[outcome.dataset] for outcome in summary.outcomes if outcome.dataset in contracts}
    return Manifest(
        schema_version=1,
        run_id=summary.run_id,
        run_name=summary.run_name,
        run_count=run_count,
        logical_date=summary.day,
        source=_text(source_text(summary.source)),
        bucket=summary.bucket,
        started=summary.started,
        ended=ended,
        duration_s=round(summary.duration_s, 3),
        files=tuple(_of_outcome(outcome, used.get(outcome.dataset)) for outcome in summary.outcomes),
        contracts={contract.sha256: contract.text for contract in used.values()},
        next_steps=tuple(
            ManifestStep(kind=one.kind, text=_text(one.text), snippet=_text(one.snippet) or None, dataset=one.dataset)
            for one in summary.steps[:_MOST_STEPS]
        )
        or None,
    )


def _of_outcome(outcome: FileOutcome, contract: Contract | None) -> ManifestFile:
    pattern = contract.date if contract else None
    name = _text(outcome.path.name)
    profile: CsvProfile | None = outcome.profile
    of_profile = {} if profile is None else _of_profile(profile)
    return ManifestFile.model_validate(
        {
            "name": name,
            "path": place_text(outcome.path),
            "known_as": keys.known_as(name, pattern, forms_of(contract.files) if contract else ()),
            "dataset": _text(outcome.dataset),
            "day": keys.day_of_key(outcome.key),
            "outcome": outcome.state,
            "reason": _text(outcome.reason) or None,
            "key": outcome.key,
            "contract": contract.sha256 if contract else None,
            "kept_as": outcome.kept_as,
            "masking": outcome.masking and asdict(outcome.masking),
            "original": outcome.original,
            "unpacked": outcome.unpacked and asdict(outcome.unpacked),
            "version_id": outcome.version_id,
            "etag": outcome.etag,
            "verified_by": outcome.verified_by,
            "size_bytes": outcome.size_bytes,
            "web": outcome.web and asdict(outcome.web),
            "drift": [
                ManifestDrift(kind=change.kind, text=_text(change.text), column=change.column)
                for change in outcome.drift
            ],
            "profile_s": round(outcome.profile_s, 3),
            "upload_s": round(outcome.upload_s, 3),
        }
        | of_profile
    )


def _of_profile(profile: CsvProfile) -> dict[str, object]:
    if profile.archive is not None:
        return {
            "size_bytes": profile.size_bytes,
            "sha256": profile.sha256,
            "crc64nvme": profile.crc64nvme,
            "compression": profile.compression,
            "mtime_ns": profile.mtime_ns,
            "hints": profile.hints,
            "sensitive": [asdict(one) for one in profile.sensitive],
            "rows": profile.rows,
            "archive": archives.of_archive(profile.archive),
        }
    return {
        "size_bytes": profile.size_bytes,
        "sha256": profile.sha256,
        "crc64nvme": profile.crc64nvme,
        "encoding": profile.encoding,
        "compression": profile.compression,
        "delimiter": profile.delimiter,
        "decimal": profile.decimal,
        "quotechar": profile.quotechar,
        "quoted": profile.quoted,
        "mtime_ns": profile.mtime_ns,
        "recipe": profile.recipe,
        "bad_rows": profile.bad_rows or None,
        "short_rows": profile.short_rows or None,
        "bad": [{"line": row.line, "reason": row.reason} for row in profile.bad],
        "hints": profile.hints,
        "sensitive": [asdict(one) for one in profile.sensitive],
        "rows": profile.rows,
        "columns": tuple(ManifestColumn(column.name, column.dtype, column.non_null) for column in profile.columns),
    }


def _text(text: str) -> str:
    """Return text that UTF-8 can hold: a file's name may be bytes that are not UTF-8 (surrogates in Python)."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def to_json(manifest: Manifest) -> str:
    """Write a manifest: a line for the run, and one for each file, so that it greps and diffs well."""
    head = manifest.model_dump_json(exclude={"files", "signature"}, exclude_none=True)
    files = ",\n".join(file.model_dump_json(exclude_none=True) for file in manifest.files)
    return f'{head[:-1]},"files":[\n{files}\n]}}\n'


def from_json(text: str | bytes, key: bytes | None = None) -> Manifest:
    """Read a manifest.

    Args:
        text: What lies in the lake.
        key: The key by which to recognise what this project's own runs wrote.

    Raises:
        ValueError: It is not a manifest, or of a version that this program does not know.
    """
    data = text.encode() if isinstance(text, str) else text
    try:
        manifest = Manifest.model_validate_json(data)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    manifest._is_signed = key is not None and is_signed(data, key)
    return manifest


def masked(manifest: Manifest, redact: Callable[[str], str]) -> str:
    """Write a manifest with secret values masked.

    Raises:
        ValueError: Masking has made it invalid; it must not be stored.
    """
    return with_masked(manifest, redact)[0]


@seldom_collected()
def with_masked(manifest: Manifest, redact: Callable[[str], str]) -> tuple[str, Manifest]:
    """Write a manifest with secret values masked; returns its text and what that says.

    Raises:
        ValueError: Masking has made it invalid; it must not be stored.
    """
    text = to_json(manifest)
    masked_text = redact(text)
    return masked_text, manifest if masked_text == text else from_json(masked_text)


def json_schema() -> str:
    """Return the format's JSON Schema, as `docs/manifest.schema.json` holds it."""
    return json.dumps(Manifest.model_json_schema(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.stdout.write(json_schema())
