"""The entries of a manifest: a file, its columns, its drift, what was masked of it and what was left out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from flows.lake.dialect.encoding import is_text_codec
from flows.lake.manifests.copied import FileOrigin
from flows.lake.models import DriftKind


def _without_nul(text: str) -> str:
    if "\0" in text:
        raise ValueError("it holds a NUL")
    return text


Count = Annotated[int, Field(ge=0, lt=2**63)]
Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Key = Annotated[str, Field(max_length=1024), AfterValidator(_without_nul)]
Sign = Annotated[str, Field(min_length=1, max_length=1)]


def _is_below(key: str, top: str) -> bool:
    """Say whether a key lies below a top folder, with no part of it that a server would take as a way up."""
    first, *parts = key.split("/")
    return first == top.split("/")[0] and bool(parts) and not set(parts) & {"", ".", ".."}


class Part(BaseModel):
    """A part of a manifest: frozen, and fields that it does not know are ignored."""

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


class ManifestDrift(Part):
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


class ManifestMasking(Part):
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


class ManifestBadRow(Part):
    """A row that is left out."""

    line: Count = Field(description="The line of the file on which it begins, counted from 1.")
    reason: str = Field(description="Why.")


class ManifestStep(Part):
    """Something that a person will want to do after the run."""

    kind: str = Field(description="What it is about: group, read, mask, expect, protections, notification or expiry.")
    text: str = Field(description="What was seen and what to do, in sentences.")
    snippet: str | None = Field(default=None, description="What to paste: a contract as YAML, or commands.")
    dataset: str | None = Field(default=None, description="The dataset concerned, if it is one.")


class ManifestMember(Part):
    """A CSV file in an archive: what it holds. What is not known is null."""

    index: Count = Field(description="Its place in the archive's directory, from 0, as in zipfile's infolist().")
    name: str = Field(description="Its path in the archive.")
    dataset: str = Field(description="The dataset it belongs to.")
    size_bytes: Count = Field(description="Its size.")
    stored_bytes: Count = Field(description="The size of what is stored of it.")
    crc32: Annotated[str, Field(pattern=r"^[0-9a-f]{8}$")] = Field(
        description="CRC-32 of its bytes, hexadecimal; it was checked where the member was read."
    )
    reason: str | None = Field(default=None, description="Why it could not be read.")
    contract: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = Field(
        default=None, description="The SHA-256 of the text of the contract that it was read by."
    )
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = Field(
        default=None, description="SHA-256 of its bytes, hexadecimal."
    )
    encoding: Annotated[str, AfterValidator(_text_codec)] | None = Field(
        default=None, description="The Python codec that read it."
    )
    read: str | None = Field(default=None, description="How pandas reads it, given path and recipe, as Python.")
    recipe: dict[str, Any] | None = Field(
        default=None, description="The keyword arguments with which pandas.read_csv gives what the profile says."
    )
    bad_rows: Count | None = Field(default=None, description="Rows that are left out, since they cannot be cut.")
    short_rows: Count | None = Field(default=None, description="Rows with fewer fields than columns.")
    hints: tuple[str, ...] = Field(default=(), description="What a person should know about it, a sentence each.")
    rows: Count | None = Field(default=None, description="Data rows, without the header.")
    columns: tuple[ManifestColumn, ...] = Field(default=(), description="The columns in the file's order.")
    sensitive: tuple[ManifestSensitive, ...] = Field(
        default=(), description="Columns that look sensitive and are not masked."
    )


class ManifestArchive(Part):
    """What is in an archive that landed as it is."""

    members: tuple[ManifestMember, ...] = Field(description="Its CSV files, in the order of its directory.")
    others: dict[str, int] = Field(
        default={}, description="How many members of each other kind it has, by what their names end with."
    )


class ManifestUnpacked(Part):
    """The archive that a file was unpacked from."""

    archive: Annotated[str, AfterValidator(_without_nul)] = Field(description="Where the archive was.")
    member: str = Field(description="Its path in the archive.")
    crc32: Annotated[str, Field(pattern=r"^[0-9a-f]{8}$")] = Field(description="Its CRC-32 there, hexadecimal.")


class ManifestWeb(Part):
    """What a server said of a file that came from its address."""

    address: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] = Field(
        description="SHA-256 of the whole address, whose query is kept nowhere."
    )
    etag: Annotated[str, Field(max_length=1000)] | None = Field(default=None, description="Its ETag, quotes included.")
    last_modified: Annotated[str, Field(max_length=1000)] | None = Field(
        default=None, description="Its Last-Modified, as it came."
    )
    headers: dict[str, str] = Field(default={}, description="The headers of its answer that say something of the file.")


class ManifestFile(Part):
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
    compression: str | None = Field(default=None, description="gzip, zstd or zip, where it was read through that.")
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
    unpacked: ManifestUnpacked | None = Field(default=None, description="The archive that it was unpacked from.")
    archive: ManifestArchive | None = Field(default=None, description="What is in it, where it is an archive.")
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
    web: ManifestWeb | None = Field(default=None, description="What its server said, where it came from an address.")
    copied_from: FileOrigin | None = Field(default=None, description="What it was where it was copied from.")
    profile_s: Seconds = Field(default=0.0, description="Seconds spent reading it.")
    upload_s: Seconds = Field(default=0.0, description="Seconds spent storing it.")

    @model_validator(mode="after")
    def _lies_where_files_lie(self) -> ManifestFile:
        if self.landed and not _is_below(self.key, "Raw"):
            raise ValueError(f"the key {self.key!r} of a file that landed is not one under Raw/")
        if self.kept_as and not _is_below(self.kept_as, "Quarantine"):
            raise ValueError(f"the key {self.kept_as!r} of a file in quarantine is not one under Quarantine/")
        if self.original and not _is_below(self.original, "Landing"):
            raise ValueError(f"the key {self.original!r} of an original is not one under Landing/")
        return self

    @property
    def landed(self) -> bool:
        """Whether the raw layer holds it."""
        return self.outcome in {"uploaded", "unchanged"}
