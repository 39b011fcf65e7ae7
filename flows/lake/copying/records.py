"""What there is to copy: the manifests of some days, each with the objects that it names and its twin in the target.

Manifests are taken in portions of bounded size, so that memory does not grow with the range. Of a manifest only what a
copy needs is kept; its text is read again when it is written.

Two manifests are twins when they record the same run: everything in them is equal but what the two buckets call the
objects. So a manifest that was copied back, and signed anew, is known again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any

from flows.lake.errors import ManifestUnreadable
from flows.lake.manifests.copied import OF_THE_BUCKET, OF_THE_BUCKETS_FILES, Place, places_in_twin
from flows.lake.manifests.entries import ManifestFile
from flows.lake.manifests.manifest import Manifest
from flows.lake.manifests.store import ManifestStore, StoredManifest
from flows.lake.s3.content import Content
from flows.lake.s3.stored_keys import WORTH_A_PAGE, StoredKey, find_stored
from flows.lake.units import MIB

PORTION_BYTES = 16 * MIB
"""Of manifests' text: about twelve thousand files with 15 columns each."""

PORTION_MANIFESTS = 500
READ_AT_ONCE = 8

_OF_THE_BUCKET: Any = dict.fromkeys(OF_THE_BUCKET, True) | {"files": {"__all__": set(OF_THE_BUCKETS_FILES)}}


@dataclass(frozen=True, slots=True)
class Named:
    """An object as a manifest names it. Of a file that could not be read as CSV only the size is known."""

    key: str
    size_bytes: int
    sha256: str | None
    crc64nvme: str | None
    etag: str | None
    version_id: str | None

    @property
    def content(self) -> Content | None:
        """What the bytes must be, as far as the manifest says it."""
        if self.sha256 is None or self.crc64nvme is None:
            return None
        return Content(self.size_bytes, self.crc64nvme, self.sha256)

    def is_same(self, other: Named) -> bool:
        """Say whether another manifest's entry names the same bytes under the same key."""
        same = (self.key, self.size_bytes, self.sha256) == (other.key, other.size_bytes, other.sha256)
        return same and self.sha256 is not None


def named_in(manifest: Manifest) -> tuple[Named, ...]:
    """Return the objects that a run left in the lake, as its manifest names them."""
    return tuple(named for file in manifest.files if (named := _named(file)))


def _named(file: ManifestFile) -> Named | None:
    if file.landed:
        return Named(file.key, file.size_bytes, file.sha256, file.crc64nvme, file.etag, file.version_id)
    if file.kept_as:
        return Named(file.kept_as, file.size_bytes, file.sha256, file.crc64nvme, file.etag, file.version_id)
    return None


@dataclass(frozen=True)
class Record:
    """A manifest of the source.

    Attributes:
        key: Its key, in both lakes.
        day: The day of its run.
        ended: When its run ended.
        named: What it names.
        is_signed: Whether a run that had this server's key wrote it.
        twin: What the target calls the objects, by its twin there; `None` where it has none.
        conflict: Why it can have none: the target's manifest under that key is another one.
        listed: What the target was seen to hold of its objects when the twin was read; more may be there by now.
    """

    key: str
    day: date
    ended: datetime
    named: tuple[Named, ...]
    is_signed: bool
    twin: dict[str, Place] | None = None
    conflict: str = ""
    listed: Mapping[str, StoredKey] = field(default_factory=dict)


@dataclass(frozen=True)
class Portion:
    """Some manifests that are copied together, in the order in which they were written; and which are unreadable."""

    records: list[Record]
    unreadable: dict[str, str] = field(default_factory=dict)


def portions(listed: Iterable[StoredManifest]) -> Iterator[list[StoredManifest]]:
    """Cut a list of manifests into portions of bounded size, in its order."""
    portion: list[StoredManifest] = []
    size_bytes = 0
    for one in listed:
        if portion and (size_bytes + one.size_bytes > PORTION_BYTES or len(portion) == PORTION_MANIFESTS):
            yield portion
            portion, size_bytes = [], 0
        portion.append(one)
        size_bytes += one.size_bytes
    if portion:
        yield portion


def read_portion(
    source: ManifestStore,
    target: ManifestStore | None,
    listed: list[StoredManifest],
    in_target: set[str],
    *,
    look_ahead: bool = False,
) -> Portion:
    """Read the manifests of a portion, with their twins.

    Args:
        source: The manifests of the source.
        target: Those of the target; `None` where there is no such bucket yet.
        listed: Which are read.
        in_target: The keys of manifests that the target holds.
        look_ahead: List the objects of twins as soon as these are read, so that the server lists some while others are
            parsed here.

    Raises:
        StorageError: What S3 answers, or no answer.
    """

    def read(one: StoredManifest) -> Record | str:
        try:
            text = source.text(one.key)
            manifest = source.parsed(one.key, text)
        except ManifestUnreadable as error:
            return str(error)
        record = Record(one.key, one.day, manifest.ended, named_in(manifest), manifest.is_signed)
        if target is None or one.key not in in_target:
            return record
        record = _with_twin(record, text, manifest, target)
        is_worth_it = look_ahead and record.twin is not None and len(record.named) >= WORTH_A_PAGE
        return (
            replace(record, listed=find_stored(target.bucket, {named.key for named in record.named}))
            if is_worth_it
            else record
        )

    with ThreadPoolExecutor(READ_AT_ONCE) as threads:
        found = list(threads.map(read, listed))
    unreadable = {one.key: what for one, what in zip(listed, found, strict=True) if isinstance(what, str)}
    return Portion([what for what in found if isinstance(what, Record)], unreadable)


def _with_twin(record: Record, text: bytes, manifest: Manifest, target: ManifestStore) -> Record:
    try:
        body = target.text(record.key)
        if (places := places_in_twin(text, body)) is not None:
            return replace(record, twin=places)
        there = target.parsed(record.key, body)
    except ManifestUnreadable as error:
        return replace(record, conflict=str(error))
    if digest_of(there) != digest_of(manifest):
        return replace(record, conflict=f"s3://{target.bucket.name}/{record.key} is the manifest of another run.")
    places = {one.key: Place(one.version_id, one.etag, None) for one in named_in(there)}
    return replace(record, twin=places)


def digest_of(manifest: Manifest) -> str:
    """Return the SHA-256 of what a manifest records, whatever its bucket calls the objects."""
    return hashlib.sha256(manifest.model_dump_json(exclude=_OF_THE_BUCKET).encode()).hexdigest()


def waves(records: Iterable[Record]) -> list[list[Record]]:
    """Put manifests into groups that are copied one after the other.

    A later landing of a key comes after the earlier one, so that a bucket with versions gets them in their order. And
    the manifests of a day come one by one, since readers take the last one by when it was written.
    """
    result: list[list[Record]] = []
    wave_of_day: dict[date, int] = {}
    last: dict[str, tuple[Named, int]] = {}
    for record in records:
        wave = wave_of_day.get(record.day, -1) + 1
        for named in record.named:
            if named.key in last and not named.is_same(last[named.key][0]):
                wave = max(wave, last[named.key][1] + 1)
        wave_of_day[record.day] = wave
        last |= {named.key: (named, wave) for named in record.named}
        result += [[] for _ in range(wave + 1 - len(result))]
        result[wave].append(record)
    return result
