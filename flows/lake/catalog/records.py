"""What the catalog keeps of manifests: a record for each dataset, and one of the lake with a line for each.

Everything here can be made again from the manifests; it is kept so that a refresh reads only what is new. It lies in
the lake, so it is input from outside like any other: a record that is wrong in any way is thrown away and made again.

Left to others: how manifests get into them (`flows.lake.catalog.taking`), how they are stored (`…catalog.objects`).
"""

from __future__ import annotations

import gzip
import hashlib
import re
import unicodedata
import zlib
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Annotated, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from flows.lake import keys
from flows.lake.units import MIB

MAX_BYTES = 128 * MIB
"""Nothing larger is unpacked."""

Count = Annotated[int, Field(ge=0, lt=2**63)]
DayState = Literal["landed", "unchanged", "drifted", "rejected"]
LAKE_KEY = f"{keys.CATALOG_PREFIX}/data/lake.json.gz"
INDEX_KEY = f"{keys.CATALOG_PREFIX}/index.html"

_Record = TypeVar("_Record", bound=BaseModel)


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore")


# Of the following there may be ten thousand at once: dataclasses, which are checked where they are read and cost next
# to nothing where they are made of what has been checked.


@dataclass(slots=True)
class MemberLine:
    """A CSV file in an archive; its rows are `None` where it could not be read."""

    name: str
    dataset: str
    rows: Count | None = None
    columns: Count = 0


@dataclass(slots=True)
class FileLine:
    """A file of a day, as its last run left it; the first members of an archive, and how many it has."""

    name: str
    landed: bool
    outcome: str
    ended: datetime
    key: str = ""
    size_bytes: Count = 0
    rows: Count = 0
    sha256: str | None = None
    version_id: str | None = None
    known_as: str = ""
    reason: str | None = None
    changes: Count = 0
    masked: bool = False
    members: list[MemberLine] = field(default_factory=list)
    members_count: Count = 0


@dataclass(slots=True)
class Day:
    """A dataset on a day.

    Attributes:
        names: A digest of the names of its files, by which a run of the same files is recognised.
        content: A digest of what landed, by which a day on which nothing changed is recognised.
        manifests: The keys of the manifests that tell of it.
    """

    ended: datetime
    landed: Count = 0
    bad: Count = 0
    rows: Count = 0
    size_bytes: Count = 0
    changes: Count = 0
    names: str = ""
    content: str = ""
    manifests: list[str] = field(default_factory=list)


class Span(_Part):
    """The days from the first to the last on which a column was seen with a dtype."""

    first: date
    last: date
    dtype: str


class Column(_Part):
    """A column, over time."""

    place: Count = 0
    non_null: Count = 0
    rows: Count = 0
    spans: list[Span] = []
    masked: str | None = None
    sensitive: str | None = None
    suggested: str | None = None


class Change(_Part):
    """Something that differed from what had landed before."""

    day: date
    file: str
    kind: str
    text: str
    column: str | None = None


class HowToRead(_Part):
    """The newest file of a dataset, and text to copy that reads it."""

    day: date
    key: str
    pandas: str
    duckdb: str
    athena: str | None = None
    athena_problem: str | None = None


class DatasetRecord(_Part):
    """What is known of a dataset."""

    version: Literal[1] = 1
    dataset: str
    days: dict[date, Day] = {}
    files: dict[date, dict[str, FileLine]] = {}
    columns: dict[str, Column] = {}
    columns_day: date | None = None
    changes: list[Change] = []
    read: HowToRead | None = None
    expect: str | None = None
    description: str | None = None
    owner: str | None = None

    def manifests(self) -> set[str]:
        """Return the keys of the manifests that are in it."""
        return {key for day in self.days.values() for key in day.manifests}


@dataclass(slots=True)
class DatasetLine:
    """A dataset on the lake's page.

    Attributes:
        until: The last day of `states` and `rows_of`.
        states: A letter for each of the last days: `l`anded, `u`nchanged, `d`rifted, `r`ejected, `.` for nothing.
        rows_of: The rows of the same days.
        latest: The manifests that its own record took up last.
        taken: How many its own record has taken up.
        behind: The first day of a manifest that its own record does not know yet.
        has_page: Whether it has a page.
    """

    newest: date
    state: DayState
    until: date
    newest_day: Day
    first: date | None = None
    last: date | None = None
    days: Count = 0
    rows: Count = 0
    size_bytes: Count = 0
    files: Count = 0
    states: str = ""
    rows_of: list[int] = field(default_factory=list)
    note: str = ""
    sensitive: Count = 0
    expect: str | None = None
    latest: list[str] = field(default_factory=list)
    taken: Count = 0
    behind: date | None = None
    has_page: bool = False


class StepLine(_Part):
    """Something that a person will want to do after a run, ready to paste where there is something to."""

    text: str
    snippet: str | None = None


class RunLine(_Part):
    """A run on the lake's page."""

    day: date
    name: str
    attempt: Count = 1
    started: datetime
    duration_s: float = 0.0
    outcomes: dict[str, int] = {}
    datasets: Count = 0
    manifest: str
    steps: list[StepLine] = []


class LakeRecord(_Part):
    """What is known of the lake."""

    version: Literal[1] = 1
    bucket: str
    taken: dict[str, list[str]] = {}
    datasets: dict[str, DatasetLine] = {}
    runs: list[RunLine] = []
    unreadable: dict[str, str] = {}

    def has_taken(self, key: str) -> bool:
        """Say whether a manifest is in it."""
        return mark_of(key) in self.taken.get(month_of(key), ())

    def take(self, key: str) -> None:
        """Note that a manifest is in it."""
        marks = self.taken.setdefault(month_of(key), [])
        if (mark := mark_of(key)) not in marks:
            marks.append(mark)


@dataclass(frozen=True)
class Refreshed:
    """What a refresh did.

    Attributes:
        manifests: How many it took up.
        datasets: Datasets whose pages it made.
        behind: Datasets whose pages are older than the lake's page.
        more: Whether there are manifests that it left for the next one.
        unreadable: Why manifests could not be read.
    """

    manifests: int
    datasets: int
    behind: int
    more: bool = False
    unreadable: tuple[str, ...] = ()


def month_of(key: str) -> str:
    """Return `yyyy/mm` out of a manifest's key."""
    return "/".join(key.split("/")[1:3])


def mark_of(key: str) -> str:
    """Return a short digest of a manifest's key: over ten years there are many of them."""
    return hashlib.blake2b(key.encode(), digest_size=6).hexdigest()


def slug_of(dataset: str) -> str:
    """Return what a dataset's page is called: letters and digits of its name, and a digest that tells names apart."""
    plain = unicodedata.normalize("NFKD", dataset).encode("ascii", "ignore").decode().lower()
    word = re.sub(r"[^a-z0-9]+", "-", plain)[:60].strip("-") or "dataset"
    return f"{word}-{hashlib.blake2b(dataset.encode('utf-8', 'replace'), digest_size=4).hexdigest()}"


def record_key(dataset: str) -> str:
    """Return the key of a dataset's record."""
    return f"{keys.CATALOG_PREFIX}/data/datasets/{slug_of(dataset)}.json.gz"


def page_key(dataset: str) -> str:
    """Return the key of a dataset's page."""
    return f"{keys.CATALOG_PREFIX}/datasets/{slug_of(dataset)}.html"


def packed(record: BaseModel) -> bytes:
    """Return a record as it is stored."""
    return gzip.compress(record.model_dump_json(exclude_defaults=True).encode(), 1, mtime=0)


def unpacked(data: bytes | None, kind: type[_Record]) -> _Record | None:
    """Return a record that was stored, `None` where it is none, or not one of this version."""
    if not data:
        return None
    try:
        text = zlib.decompressobj(wbits=31).decompress(data, MAX_BYTES)
        return kind.model_validate_json(text)
    except (ValueError, zlib.error, RecursionError):
        return None
