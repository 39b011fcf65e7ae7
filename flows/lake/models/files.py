"""A file on its way through a run: what it is, what landed of it before, and how its way ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from flows.lake.masking_rules import Masking, MaskingRules
from flows.lake.models.profiles import Archive, ColumnProfile, CsvDialect, CsvProfile
from flows.lake.web.addresses import WebOrigin
from flows.lake.web.answers import WebAnswer
from flows.lake.web.arrival import Arrival
from flows.lake.words import shown

if TYPE_CHECKING:
    from flows.lake.rules import LandingRules


@dataclass(frozen=True)
class S3Origin:
    """The object that a file of an S3 source is.

    Attributes:
        bucket: Its bucket.
        key: Its key.
        size_bytes: Its size.
        etag: Its ETag, without quotes.
        modified: When it was stored.
    """

    bucket: str
    key: str
    size_bytes: int
    etag: str
    modified: datetime

    @property
    def modified_ns(self) -> int:
        """When it was stored, in nanoseconds since the epoch; S3 knows milliseconds at most."""
        return round(self.modified.timestamp() * 1000) * 1_000_000


@dataclass(frozen=True)
class Landed:
    """What an earlier run read of a file and stored, as exactly as it takes to recognise both.

    Attributes:
        path: Where the file was, as `flows.lake.places.place_text` writes it.
        key: The object's key.
        etag: Its ETag.
        version_id: Its version, in a bucket with versions.
        profile: What the file held; without the path.
        masking: How it was masked; `None` where it was not.
        web: What its server said, where it came from an address.
    """

    path: str
    key: str
    etag: str
    version_id: str | None
    profile: CsvProfile
    masking: Masking | None = None
    web: WebAnswer | None = None


@dataclass(frozen=True)
class LastLanding:
    """What a file of the same dataset and name held when it last landed, for the comparison with today's.

    Attributes:
        day: The day of its partition.
        rows: Its data rows.
        columns: Its columns in the file's order.
        manifest: The key of the manifest that says so.
        landed: The landing itself, where it was recorded well enough to recognise the file, and signed.
        is_signed: Whether a run that had this server's key wrote it.
        contract: The text of the contract by which it was read, empty where it had none; `None` if that is not known.
        recipe: How pandas reads it; `None` if that is not known.
        masking: How it was masked; `None` where it was not.
        archive: What was in it, where it was an archive.
    """

    day: date
    rows: int
    columns: tuple[ColumnProfile, ...]
    manifest: str
    landed: Landed | None = None
    is_signed: bool = False
    contract: str | None = None
    recipe: Mapping[str, Any] | None = None
    masking: Masking | None = None
    archive: Archive | None = None


DEFAULT_ROWS_PERCENT = 50
"""By how many percent the rows of a file may fall or grow before that is a difference."""

DEFAULT_BAD_ROWS_PERCENT = 1
"""What share of a file's rows may be left out, since they cannot be cut as the others."""

DEFAULT_MAX_COLUMNS = 20_000
"""What a file may have unless somebody raises the limit: some 100 MB of memory, and a table people can still use."""

DriftKind = Literal[
    "member added",
    "member removed",
    "member unreadable",
    "recipe changed",
    "column added",
    "column removed",
    "column renamed",
    "columns reordered",
    "dtype changed",
    "column empty",
    "rows fallen",
    "rows grown",
    "contract changed",
    "required column missing",
    "masking changed",
]


@dataclass(frozen=True)
class Drift:
    """One way in which a file differs from what landed of it before.

    Attributes:
        kind: What kind of difference.
        text: The difference as a sentence without its full stop.
        column: The column concerned, by its name now where it has one.
    """

    kind: DriftKind
    text: str
    column: str | None = None


@dataclass(frozen=True)
class FileContract:
    """What the contract of a file's dataset says of it, beyond its dialect and rules.

    Attributes:
        text: The whole contract, as JSON.
        required: The columns that the file must have.
        kms_key_id: The KMS key that encrypts its object; the bucket's own encryption without one.
        date: The form of the day in its name.
        owner: Who is asked when something is wrong.
        mask: How its columns are masked.
        unpack: Whether of an archive its members land, not itself.
        forms: What its files are called whose published names differ by their day.
    """

    text: str = ""
    required: tuple[str, ...] = ()
    kms_key_id: str | None = None
    date: str | None = None
    owner: str | None = None
    mask: MaskingRules = field(default_factory=MaskingRules)
    unpack: bool = False
    forms: tuple[str, ...] = ()


@dataclass(frozen=True)
class Unpacked:
    """Where an unpacked file is from.

    Attributes:
        archive: The archive's path, as `flows.lake.places.place_text` writes it.
        member: Its path in the archive.
        crc32: Its CRC-32 there, eight hexadecimal digits.
    """

    archive: str
    member: str
    crc32: str


class MemberWay(Protocol):
    """Finds the way of a member of an archive; not a dataclass, since Prefect walks through those for each task."""

    @property
    def masks(self) -> bool:
        """Whether any dataset of the run is masked."""

    def claimed_as(self, name: str) -> str | None:
        """Return the dataset whose contract claims a member by its name, `None` where none does."""

    def of_member(self, archive: SourceFile, name: str, size_bytes: int) -> SourceFile:
        """Describe a member as a file that lies in the archive, with the archive's key."""

    def key_of(self, member: SourceFile) -> str:
        """Return the key of a member that is unpacked."""


@dataclass(frozen=True)
class SourceFile:
    """A file that a run will ingest, and where it goes.

    Attributes:
        path: The file.
        dataset: The dataset it belongs to.
        key: Its key in the raw layer.
        size_bytes: Its size when the folder was listed.
        rules: How it lands.
        dialect: What the user states about its format.
        contract: What its dataset's contract says; nothing where it has none.
        mtime_ns: Its modification time then, in nanoseconds since the epoch.
        origin: The object or the address that it is, where the source is no folder.
        before: What landed of it last, `None` where nothing is known of that.
        root: The source folder, out of which no link may lead; `None` where links may lead anywhere.
        masking: How it was masked, where this is what came of that; it is not the source's file then.
        lost_rules: Whether its dataset was masked when it landed last and is not today, and nobody said so.
        inside: Finds the way of its members, where it is an archive.
        lost_inside: Datasets that were masked when they landed last and are not today, where it is an archive.
        unpacked: The archive that it was a member of.
        web: What its server said, once it is fetched from an address.
        arrival: Its fetch, while that goes on.
    """

    path: Path
    dataset: str
    key: str
    size_bytes: int
    rules: LandingRules
    dialect: CsvDialect = field(default_factory=CsvDialect)
    contract: FileContract = FileContract()
    mtime_ns: int = 0
    origin: S3Origin | WebOrigin | None = None
    before: LastLanding | None = None
    root: Path | None = None
    masking: Masking | None = None
    lost_rules: bool = False
    inside: MemberWay | None = None
    lost_inside: frozenset[str] = frozenset()
    unpacked: Unpacked | None = None
    web: WebAnswer | None = None
    arrival: Arrival | None = field(default=None, repr=False, compare=False)

    @property
    def title(self) -> str:
        """Its name as people see it, whatever it holds."""
        return shown(self.path.name)


OutcomeState = Literal["uploaded", "unchanged", "rejected", "failed", "would upload", "would supersede"]


@dataclass(frozen=True)
class FileOutcome:
    """How one file's way ended.

    Attributes:
        path: The file.
        dataset: The dataset it belongs to.
        key: Where it is, or would be, in the raw layer; empty where its name allows none.
        state: What became of it; the two `would …` are a dry run's.
        reason: Why, where it was rejected or failed; a remark elsewhere.
        profile: What it holds, where it could be read.
        size_bytes: Its size.
        bytes_sent: Bytes of it that went over the network, 0 where S3 held them already.
        kept_as: The key under `Quarantine/` where it is kept, if it was rejected.
        version_id: The version that S3 gave it, on versioned buckets.
        verified_by: What proved that S3 holds what was read: a checksum, or size and ETag.
        etag: The object's ETag.
        drift: How it differs from what landed of it before.
        profile_s: Seconds spent reading it.
        upload_s: Seconds spent storing it.
        masking: How it was masked, or was to be; `None` where no rule holds for it.
        original: The key under `Landing/` where its original is kept for a while.
        unpacked: The archive that it was a member of.
        web: What its server said, where it came from an address.
    """

    path: Path
    dataset: str
    key: str
    state: OutcomeState
    reason: str = ""
    profile: CsvProfile | None = None
    size_bytes: int = 0
    bytes_sent: int = 0
    kept_as: str | None = None
    version_id: str | None = None
    verified_by: str | None = None
    etag: str | None = None
    drift: tuple[Drift, ...] = ()
    profile_s: float = 0.0
    upload_s: float = 0.0
    masking: Masking | None = None
    original: str | None = None
    unpacked: Unpacked | None = None
    web: WebAnswer | None = None

    @property
    def is_bad(self) -> bool:
        """Whether this file makes the run fail."""
        return self.state in {"rejected", "failed"}
