"""Two lakes side by side: whether the target holds what the source's manifests of some days name. Nothing is written.

Both sides are looked at: by listings, where they show an object as the side's own manifest names it, else as
`flows.lake.manifests.verify` does. A key that was landed several times is compared by its last landing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from flows.lake.copying import logs
from flows.lake.copying.lake_copy import OBJECTS_AT_ONCE, chains_of, in_range
from flows.lake.copying.object_copy import ObjectCopier
from flows.lake.copying.records import Named, Record, portions, read_portion
from flows.lake.copying.results import CopyOptions
from flows.lake.errors import CopyConflict
from flows.lake.manifests.copied import Place
from flows.lake.manifests.store import ManifestStore
from flows.lake.memory import seldom_collected
from flows.lake.s3.bucket import Bucket
from flows.lake.s3.s3_object import S3Object
from flows.lake.s3.stored_keys import StoredKey, find_stored

DifferenceKind = Literal["missing", "other bytes", "wrong in the source", "only in the target", "unreadable"]


@dataclass(frozen=True)
class Difference:
    """Something in which the lakes differ: what kind, under which key, and a sentence that says more."""

    kind: DifferenceKind
    key: str
    text: str


@dataclass(frozen=True)
class Comparison:
    """What a comparison found.

    Attributes:
        start: The first day of the range.
        end: The last one.
        manifests: How many manifests the source has.
        objects: How many objects they name.
        size_bytes: The size of those objects together.
        differences: In what the lakes differ.
    """

    start: date
    end: date
    manifests: int
    objects: int
    size_bytes: int
    differences: tuple[Difference, ...]


def compare(
    source: ManifestStore,
    target: ManifestStore | None,
    start: date | None = None,
    end: date | None = None,
    *,
    progress: Callable[[str], None] | None = None,
) -> Comparison:
    """Compare two lakes.

    Args:
        source: The manifests of the lake that was copied.
        target: Those of the copy; `None` where there is no such bucket.
        start: The first day; the lake's own without one.
        end: The last one; the lake's own without one.
        progress: Called with a sentence now and then.

    Raises:
        StorageError: What S3 answers, or no answer.
    """
    tell = progress or (lambda _: None)
    listed = in_range(source, start, end)
    first, last = (listed[0].day, listed[-1].day) if listed else (date.min, date.max)
    start, end = start or first, end or last
    in_target = {one.key for one in in_range(target, start, end)} if target else set()
    differences = [
        Difference("only in the target", key, "is a manifest that the source does not have")
        for key in in_target - {one.key for one in listed}
    ]
    objects = size_bytes = 0
    with seldom_collected():
        for some in portions(listed):
            portion = read_portion(source, target, some, in_target)
            differences += [Difference("unreadable", key, why) for key, why in portion.unreadable.items()]
            last_landings = _last_landings(portion.records)
            objects += len(last_landings)
            size_bytes += sum(named.size_bytes for named, _ in last_landings.values())
            differences += _of_manifests(portion.records)
            differences += _of_objects(source, target, portion.records, last_landings)
            tell(f"Up to {some[-1].day}: {objects:,} objects compared, {len(differences):,} differences")
    differences += _of_logs(source.bucket, target.bucket if target else None, start, end)
    differences.sort(key=lambda one: one.key)
    return Comparison(start, end, len(listed), objects, size_bytes, tuple(differences))


def _last_landings(records: list[Record]) -> dict[str, tuple[Named, datetime]]:
    last: dict[str, tuple[Named, datetime]] = {}
    for record in sorted(records, key=lambda record: (record.ended, record.key)):
        last |= {named.key: (named, record.ended) for named in record.named}
    return last


def _of_manifests(records: list[Record]) -> Iterator[Difference]:
    for record in records:
        if record.conflict:
            yield Difference("other bytes", record.key, record.conflict)
        elif record.twin is None:
            yield Difference("missing", record.key, "is a manifest that the target does not have")


def _of_objects(
    source: ManifestStore,
    target: ManifestStore | None,
    records: list[Record],
    wanted: Mapping[str, tuple[Named, datetime]],
) -> Iterator[Difference]:
    twins: dict[str, Place] = {}
    for record in sorted(records, key=lambda record: (record.ended, record.key)):
        twins |= record.twin or {}
    here = find_stored(source.bucket, wanted)
    there = find_stored(target.bucket, wanted) if target else {}
    chains = chains_of(records)
    of_source = ObjectCopier(source, source.bucket, CopyOptions(), chains)
    of_target = ObjectCopier(source, target.bucket, CopyOptions(), chains) if target else None

    def differs(one: tuple[Named, datetime]) -> list[Difference]:
        named, ended = one
        found = []
        if not _is_listed(here.get(named.key), named, named.etag) and (why := _wrong(of_source, named, ended)):
            found.append(Difference("wrong in the source", named.key, why))
        if of_target is None or named.key not in there:
            found.append(Difference("missing", named.key, "is not in the target"))
        elif not _is_listed(there[named.key], named, twins[named.key].etag if named.key in twins else None) and (
            why := _wrong(of_target, named, ended)
        ):
            found.append(Difference("other bytes", named.key, why))
        return found

    with ThreadPoolExecutor(OBJECTS_AT_ONCE) as threads:
        for found in threads.map(differs, wanted.values()):
            yield from found


def _is_listed(stored: StoredKey | None, named: Named, etag: str | None) -> bool:
    return stored is not None and etag is not None and stored == StoredKey(named.size_bytes, etag)


def _wrong(copier: ObjectCopier, named: Named, ended: datetime) -> str | None:
    """Return how an object is not what the source's manifests say, `None` if it is."""
    held = S3Object(copier.target, named.key)
    with copier.target.doing(f"looking at {named.key!r}", key=named.key):
        stored = held.head()
        if stored is None:
            return "is not there"
        try:
            if copier.as_it_is(held, stored, named, ended):
                return None
        except CopyConflict:
            return "holds bytes that no manifest of the source names"
    return "holds an earlier landing of its key"


def _of_logs(source: Bucket, target: Bucket | None, start: date, end: date) -> Iterator[Difference]:
    here = logs.of_days(source, start, end)
    there = logs.of_days(target, start, end) if target else {}
    for key in sorted({*here, *there}):
        if key not in there:
            yield Difference("missing", key, "is a log that the target does not have")
        elif key not in here:
            yield Difference("only in the target", key, "is a log that the source does not have")
        elif target and not logs.is_same(here[key], there[key]) and logs.read(source, key) != logs.read(target, key):
            yield Difference("other bytes", key, "is another log in the target")
