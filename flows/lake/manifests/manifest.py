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
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, PrivateAttr, model_validator

from flows.lake import keys
from flows.lake.contracts.contract import Contract
from flows.lake.dialect.encoding import is_text_codec
from flows.lake.manifests.copied import FileOrigin, ManifestOrigin
from flows.lake.manifests.signature import is_signed
from flows.lake.models import CsvProfile, DriftKind, FileOutcome
from flows.lake.places import place_text, source_text
from flows.lake.run_models import RunSummary
from flows.lake.units import MIB


def _without_nul(text: str) -> str:
    if "\0" in text:
        raise ValueError("it holds a NUL")
    return text


MAX_BYTES = 64 * MIB
"""Nothing larger is read: a manifest of 50,000 files with 15 columns each has about that. Read, it takes eight times as
much memory at worst."""

Count = Annotated[int, Field(ge=0, lt=2**63)]
Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Key = Annotated[str, Field(max_length=1024), AfterValidator(_without_nul)]
Sign = Annotated[str, Field(min_length=1, max_length=1)]


def _is_below(key: str, top: str) -> bool:
    """Say whether a key lies below a top folder, with no part of it that a server would take as a way up."""
    first, *parts = key.split("/")
    return first == top.split("/")[0] and bool(parts) and not set(parts) & {"", ".", ".."}


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


def _text_codec(name: str) -> str:
    if not is_text_codec(name):
        raise ValueError(f"{name!r} is not a text encoding of Python")
    return name


@dataclass(frozen=True, slots=True)
class ManifestColumn:
    """One column as pandas reads it."""

    # No model of its own: a run of 10,000 files has 150,000 columns.
    name: Annotated[str, Field(description="The name that pandas gives it.")]
    dtype: Annotated[str, Field(description="pandas' dtype, for example int64, float64, str, bool or object.")]
    non_null: Annotated[int, Field(ge=0, lt=2**63, description="Values that pandas does not take as missing.")]


class ManifestDrift(_Part):
    """One difference from what landed of the file before."""

    kind: DriftKind
    text: str = Field(description="The difference, for people.")
    column: str | None = Field(default=None, description="The column concerned, by its name now where it has one.")


@dataclass(frozen=True, slots=True)
class ManifestMaskedColumn:
    """What became of a masked column."""

    column: Annotated[str, Field(description="Its name.")]
    rule: Annotated[str, Field(description="Its rule, as the contract has it.")]
    masked: Annotated[int, Field(ge=0, lt=2**63, description="Cells that were masked.")]
    missing: Annotated[int, Field(ge=0, lt=2**63, description="Cells that were missing, and stayed as they are.")]
    redacted: Annotated[int, Field(ge=0, lt=2**63, description="Of the masked, those that the rule could not read.")]


class ManifestMasking(_Part):
    """How a file was masked, or was to be: all else that is said of it is of the masked file."""

    rules: dict[str, str] = Field(description="Column to rule, as the contract has them.")
    key: str | None = Field(default=None, description="The fingerprint of the key; files under one can be joined.")
    size_bytes: Count = Field(description="The size of the file before.")
    columns: tuple[ManifestMaskedColumn, ...] = Field(default=(), description="What became of each column.")


@dataclass(frozen=True, slots=True)
class ManifestSensitive:
    """A column that looks sensitive and is not masked."""

    column: Annotated[str, Field(description="Its name.")]
    kind: Annotated[str, Field(description="What it seems to hold.")]
    mask: Annotated[str, Field(description="The rule that is suggested.")]


class ManifestBadRow(_Part):
    """A row that is left out."""

    line: Count = Field(description="The line of the file on which it begins, counted from 1.")
    reason: str = Field(description="Why.")


class ManifestFile(_Part):
    """One file of the run: what it held and what became of it. What is not known is null."""

    name: Annotated[Key, Field(min_length=1)] = Field(description="The file's name.")
    path: Annotated[str, AfterValidator(_without_nul)] | None = Field(
        default=None, description="Where it was, as the machine that ran the flow saw it."
    )
    mtime_ns: Annotated[int, Field(gt=-(2**63), lt=2**63)] | None = Field(
        default=None, description="Its modification time, in nanoseconds since the epoch."
    )
    known_as: str = Field(description="The name without its date (orders_%Y-%m-%d.csv), under which days compare.")
    dataset: str = Field(description="The dataset it belongs to.")
    day: date | None = Field(default=None, description="The day of its partition.")
    outcome: Literal["uploaded", "unchanged", "rejected", "failed"] = Field(
        description="uploaded: sent by this run. unchanged: its bytes were there. rejected: not for Raw/. failed: lost."
    )
    reason: str | None = Field(default=None, description="Why it was rejected or failed.")
    key: Key = Field(description="Its key, or the one it would have had; empty where its name allows none.")
    kept_as: Key | None = Field(default=None, description="Its key under Quarantine/, if it was kept there.")
    version_id: str | None = Field(default=None, description="The object's version, in a bucket that has versions.")
    etag: Annotated[str, Field(max_length=1024)] | None = Field(
        default=None, description="The object's ETag, without quotes."
    )
    verified_by: str | None = Field(default=None, description="What proved that S3 holds what was read.")
    size_bytes: Count = Field(description="Its size.")
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = Field(
        default=None, description="SHA-256 of its bytes, hexadecimal."
    )
    crc64nvme: Annotated[str, Field(pattern=r"^[A-Za-z0-9+/]{11}=$")] | None = Field(
        default=None, description="CRC-64/NVME, as in x-amz-checksum-crc64nvme."
    )
    encoding: Annotated[str, AfterValidator(_text_codec)] | None = Field(
        default=None, description="The Python codec that read it."
    )
    compression: str | None = Field(default=None, description="gzip or zstd, where it was read through that.")
    delimiter: Sign | None = Field(default=None, description="The field separator.")
    decimal: Sign | None = Field(default=None, description="The decimal mark.")
    quotechar: Sign | None = Field(default=None, description="The quote character.")
    quoted: bool | None = Field(default=None, description="Whether the quote character occurs in it.")
    recipe: dict[str, Any] | None = Field(
        default=None, description="The keyword arguments with which pandas.read_csv gives what the profile says."
    )
    bad_rows: Count | None = Field(default=None, description="Rows that are left out, since they cannot be cut.")
    short_rows: Count | None = Field(default=None, description="Rows with fewer fields than columns.")
    bad: tuple[ManifestBadRow, ...] = Field(default=(), description="The first rows that are left out.")
    hints: tuple[str, ...] = Field(default=(), description="What a person should know about it, a sentence each.")
    rows: Count | None = Field(default=None, description="Data rows, without the header.")
    columns: tuple[ManifestColumn, ...] = Field(default=(), description="The columns in the file's order.")
    contract: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = Field(
        default=None, description="The contract that it was read by: the SHA-256 of its text, which contracts holds."
    )
    masking: ManifestMasking | None = Field(
        default=None, description="How its columns were masked; null where none was."
    )
    original: Key | None = Field(default=None, description="The key under Landing/ where its original is for a while.")
    sensitive: tuple[ManifestSensitive, ...] = Field(
        default=(), description="Columns that look sensitive and are not masked."
    )
    drift: tuple[ManifestDrift, ...] = Field(default=(), description="How it differs from what landed before.")
    copied_from: FileOrigin | None = Field(default=None, description="What it was where it was copied from.")
    profile_s: Seconds = Field(default=0.0, description="Seconds spent reading it.")
    upload_s: Seconds = Field(default=0.0, description="Seconds spent storing it.")

    @model_validator(mode="after")
    def _lies_where_files_lie(self) -> ManifestFile:
        if self.landed and not _is_below(self.key, "Raw"):
            raise ValueError(f"the key {self.key!r} of a file that landed is not one under Raw/")
        if self.kept_as and not _is_below(self.kept_as, keys.QUARANTINE_PREFIX):
            raise ValueError(f"the key {self.kept_as!r} of a file in quarantine is not one under Quarantine/")
        if self.original and not _is_below(self.original, keys.LANDING_PREFIX):
            raise ValueError(f"the key {self.original!r} of an original is not one under Landing/")
        return self

    @property
    def landed(self) -> bool:
        """Whether the raw layer holds it."""
        return self.outcome in {"uploaded", "unchanged"}


class Manifest(_Part):
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
            "known_as": keys.known_as(name, pattern),
            "dataset": _text(outcome.dataset),
            "day": keys.day_of_key(outcome.key),
            "outcome": outcome.state,
            "reason": _text(outcome.reason) or None,
            "key": outcome.key,
            "contract": contract.sha256 if contract else None,
            "kept_as": outcome.kept_as,
            "masking": outcome.masking and asdict(outcome.masking),
            "original": outcome.original,
            "version_id": outcome.version_id,
            "etag": outcome.etag,
            "verified_by": outcome.verified_by,
            "size_bytes": outcome.size_bytes,
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
    text = to_json(manifest)
    masked_text = redact(text)
    if masked_text != text:
        from_json(masked_text)
    return masked_text


def json_schema() -> str:
    """Return the format's JSON Schema, as `docs/manifest.schema.json` holds it."""
    return json.dumps(Manifest.model_json_schema(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.stdout.write(json_schema())
