"""Copying the lake of some days: objects, then the manifests that name them, then logs.

At any moment the target is a lake that can be read: a manifest is written only when everything that it names is there
and proven, so a copy that is killed leaves complete objects that nothing names yet, and the next one goes on. What an
earlier copy has left is recognised by two listings, where sizes and ETags are as the target's own manifests say.

Nothing in the source is written, and nothing in the target replaced but what an earlier landing of the same key left
there. A manifest of which something cannot be had is held back, with what is wrong; the others are copied.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, date, datetime

from flows.lake.copying import logs
from flows.lake.copying.object_copy import ObjectCopier
from flows.lake.copying.quick_lane import QuickLane
from flows.lake.copying.records import Named, Portion, Record, portions, read_portion, waves
from flows.lake.copying.results import CopyOptions, CopyReport, ObjectResult
from flows.lake.errors import (
    AccessDenied,
    BucketError,
    CertificateRejected,
    CredentialsError,
    EndpointUnreachable,
    StorageError,
    TagsNotOffered,
)
from flows.lake.manifests.copied import ManifestOrigin, Place, rewritten
from flows.lake.manifests.manifest import from_json
from flows.lake.manifests.signature import signed
from flows.lake.manifests.store import ManifestStore, StoredManifest
from flows.lake.memory import seldom_collected
from flows.lake.s3.put_new import put_new
from flows.lake.s3.stored_keys import StoredKey, find_stored
from flows.lake.units import MIB

OBJECTS_AT_ONCE = 16
BUFFER_BYTES = 128 * MIB
"""What objects that are held whole may take together."""

MAX_FAILED = 20
"""Beyond, a server is in trouble and not an object."""

ONE_TICK_S = 1.1
"""Listings tell the time of writing in whole seconds, and readers take a day's manifests in that order."""

OF_ALL_OBJECTS = (CredentialsError, AccessDenied, EndpointUnreachable, CertificateRejected, BucketError, TagsNotOffered)


def in_range(store: ManifestStore, start: date | None, end: date | None) -> list[StoredManifest]:
    """Return a lake's manifests from one day to another; open ends are as far as it goes."""
    if start and end:
        return store.between(start, end)
    found = [one for one in store.every() if (start or date.min) <= one.day <= (end or date.max)]
    return sorted(found, key=lambda one: (one.day, one.written, one.key))


def copy_lake(
    source: ManifestStore,
    target: ManifestStore,
    start: date | None = None,
    end: date | None = None,
    *,
    options: CopyOptions | None = None,
    run_id: str = "",
    progress: Callable[[str], None] | None = None,
) -> CopyReport:
    """Copy what the manifests of some days name, and then these.

    Args:
        source: The manifests of the lake, and the key by which their signatures are recognised.
        target: Those of a bucket that exists, and the key that signs them there.
        start: The first day; the lake's own without one.
        end: The last one; the lake's own without one.
        options: How objects are copied.
        run_id: Prefect's id of the run.
        progress: Called with a sentence now and then.

    Raises:
        TagsNotOffered: The target keeps no tags of objects, and there are some to keep.
        StorageError: What S3 answers, or no answer.
    """
    copy = _LakeCopy(source, target, options or CopyOptions(), run_id, progress or (lambda _: None))
    listed = in_range(source, start, end)
    first, last = (listed[0].day, listed[-1].day) if listed else (date.min, date.max)
    with seldom_collected():
        return copy.run(listed, start or first, end or last)


class _LakeCopy:
    def __init__(
        self,
        source: ManifestStore,
        target: ManifestStore,
        options: CopyOptions,
        run_id: str,
        tell: Callable[[str], None],
    ) -> None:
        self.source = source
        self.target = target
        self.options = options
        self.run_id = run_id
        self.tell = tell
        self.report = CopyReport(date.min, date.max)
        self._quick_lane = QuickLane(source.bucket, target.bucket, options)
        self._room = _Room(BUFFER_BYTES)
        self._failed = 0
        self._written: dict[date, float] = {}

    def run(self, listed: list[StoredManifest], start: date, end: date) -> CopyReport:
        self.report = CopyReport(start, end, manifests=len(listed))
        in_target = {one.key for one in in_range(self.target, start, end)}
        self.tell(f"{len(listed):,} manifests from {start} to {end}; the target has {len(in_target):,}")
        for some in portions(listed):
            portion = read_portion(self.source, self.target, some, in_target, look_ahead=True)
            self._copy_portion(portion)
            self.tell(
                f"Up to {some[-1].day}: {self.report.copied:,} objects copied, {self.report.present:,} were there"
            )
        for result in logs.copy(self.source.bucket, self.target.bucket, start, end):
            self.report.count(result)
        return self.report

    def _copy_portion(self, portion: Portion) -> None:
        for key, why in portion.unreadable.items():
            self.report.bad.append(ObjectResult(key, "failed", text=why))
        records = []
        for record in portion.records:
            if record.conflict:
                self.report.bad.append(ObjectResult(record.key, "conflict", text=record.conflict))
            else:
                records.append(record)
        records.sort(key=lambda record: (record.day, record.ended, record.key))
        copier = ObjectCopier(self.source, self.target.bucket, self.options, chains_of(records))
        for wave in waves(records):
            results = self._copy_objects(copier, wave)
            for record in wave:
                self._close(record, results)

    def _copy_objects(self, copier: ObjectCopier, wave: Iterable[Record]) -> dict[str, ObjectResult]:
        """Have everything in the target that the manifests of a wave name."""
        wanted: dict[str, tuple[Named, datetime]] = {}
        twins: dict[str, Place] = {}
        listed: dict[str, StoredKey] = {}
        for record in wave:
            wanted |= {named.key: (named, record.ended) for named in record.named}
            twins |= record.twin or {}
            listed |= record.listed
        results = {key: there for key, (named, _) in wanted.items() if (there := _known(named, twins, listed))}
        # Of the rest nothing is concluded from that look: an earlier wave may have written some of it.
        stored = find_stored(self.target.bucket, wanted.keys() - results.keys())
        results |= {key: there for key in stored if (there := _known(wanted[key][0], twins, stored))}
        absent = [named for key, (named, _) in wanted.items() if key not in stored and key not in results]
        results |= self._quick_lane.copy(absent)
        left = [one for key, one in wanted.items() if key not in results]
        with ThreadPoolExecutor(OBJECTS_AT_ONCE, thread_name_prefix="copy") as threads:

            def copied(one: tuple[Named, datetime]) -> ObjectResult:
                return self._copied(copier, *one, is_absent=one[0].key not in stored)

            try:
                for result in threads.map(copied, left):
                    results[result.key] = result
            except BaseException:
                threads.shutdown(wait=True, cancel_futures=True)
                raise
        self.report.objects += len(results)
        for result in results.values():
            self.report.count(result)
        return results

    def _copied(self, copier: ObjectCopier, named: Named, ended: datetime, *, is_absent: bool) -> ObjectResult:
        """Copy an object; its trouble becomes its result, unless it is everybody's."""
        whole = min(named.size_bytes, self.options.upload.multipart_above_bytes)
        try:
            with self._room.taken(whole):
                return copier.copy(named, ended, is_absent=is_absent)
        except OF_ALL_OBJECTS:
            raise
        except StorageError as error:
            self._failed += 1
            if self._failed > MAX_FAILED:
                raise StorageError(
                    f"More than {MAX_FAILED} objects could not be copied, the last one: {error}",
                    remedy="Look after the servers, then copy again; it goes on from here.",
                    bucket=self.target.bucket.name,
                ) from error
            return ObjectResult(named.key, "failed", text=str(error))

    def _close(self, record: Record, results: Mapping[str, ObjectResult]) -> None:
        """Write a manifest when everything that it names is there."""
        lacking = [named.key for named in record.named if results[named.key].is_bad]
        if lacking:
            why = f"It is held back: {len(lacking):,} of the objects that it names are not there, first {lacking[0]}."
            self.report.bad.append(ObjectResult(record.key, "failed", text=why))
            return
        if record.twin is not None:
            self.report.manifests_present += 1
            return
        self._wait_for_a_tick(record.day)
        bucket = self.target.bucket
        text = self.source.text(record.key)
        places = {named.key: results[named.key].place or Place(None, None, None) for named in record.named}
        origin = ManifestOrigin(
            bucket=self.source.bucket.name,
            endpoint=self.source.bucket.endpoint,
            copied=datetime.now(UTC),
            run_id=self.run_id,
        )
        copied = rewritten(text, bucket.name, places, origin)
        from_json(copied)
        # A record that nobody vouches for in the source is vouched for by nobody here.
        body = signed(copied, self.target.signing_key if record.is_signed else None)
        if put_new(bucket, record.key, body.encode(), content_type="application/json"):
            self.report.manifests_copied += 1
        else:
            why = f"s3://{bucket.name}/{record.key} came into being while this copy was at work."
            self.report.bad.append(ObjectResult(record.key, "conflict", text=why))
        self._written[record.day] = time.monotonic()

    def _wait_for_a_tick(self, day: date) -> None:
        if day in self._written and (left := self._written[day] + ONE_TICK_S - time.monotonic()) > 0:
            time.sleep(left)


def chains_of(records: Iterable[Record]) -> dict[str, list[tuple[datetime, Named]]]:
    """Return the landings of keys that were landed several times."""
    chains: dict[str, list[tuple[datetime, Named]]] = {}
    for record in records:
        for named in record.named:
            chains.setdefault(named.key, []).append((record.ended, named))
    return {key: landings for key, landings in chains.items() if len(landings) > 1}


def _known(named: Named, twins: Mapping[str, Place], stored: Mapping[str, StoredKey]) -> ObjectResult | None:
    """Return that an object is there, where the target's own manifest and a listing say so."""
    place, held = twins.get(named.key), stored.get(named.key)
    if place is None or held is None or place.etag is None:
        return None
    return ObjectResult(named.key, "present", place) if held == StoredKey(named.size_bytes, place.etag) else None


class _Room:
    """Memory that is shared: whoever asks for more than is left waits."""

    def __init__(self, size_bytes: int) -> None:
        self._left = size_bytes
        self._size_bytes = size_bytes
        self._changed = threading.Condition()

    @contextmanager
    def taken(self, wanted_bytes: int) -> Iterator[None]:
        wanted_bytes = min(wanted_bytes, self._size_bytes)
        with self._changed:
            self._changed.wait_for(lambda: self._left >= wanted_bytes)
            self._left -= wanted_bytes
        try:
            yield
        finally:
            with self._changed:
                self._left += wanted_bytes
                self._changed.notify_all()
