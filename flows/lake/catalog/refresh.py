"""The catalog brought up to date: what is new among the manifests, into the records, onto the pages.

A run hands over its own manifest, lists those of its month and of the last two, and reads the ones that no refresh has
taken up: those of runs that were killed, or whose refresh failed. Each refresh that ends has therefore seen every
manifest that was there when it began, and of two at once neither loses the other's day: records are replaced only as
they were read, and pages are written again where the record has changed since.

A run that touches very many datasets brings the lake's page up to date for all, and the pages of some of them; the
command `python -m flows.lake.catalog` makes the others.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date

from flows.lake.catalog import objects, taking
from flows.lake.catalog.finding import AT_ONCE, Rereading, find_new
from flows.lake.catalog.lines import line_with, summed_up
from flows.lake.catalog.pages import dataset_page, lake_page
from flows.lake.catalog.records import (
    INDEX_KEY,
    LAKE_KEY,
    DatasetLine,
    DatasetRecord,
    LakeRecord,
    Refreshed,
    RunLine,
    StepLine,
    page_key,
    record_key,
)
from flows.lake.manifests.entries import ManifestFile
from flows.lake.manifests.manifest import Manifest
from flows.lake.manifests.store import ManifestStore
from flows.lake.memory import seldom_collected

PAGES_OF_A_RUN = 100
PAGES_OF_MANY = 25
PAGES_AT_LEAST = 5
"""Datasets whose pages one run's refresh brings up to date: all, or of more than a hundred those that need a look, so
many at most, and so many in any case."""
KEPT_RUNS = 30
KEPT_STEPS = 12
LONGEST_STEP = 4_000
"""Characters; half a contract is of no use, so a longer one is read in the run's summary."""
KEPT_UNREADABLE = 50


@seldom_collected()
def refresh(
    store: ManifestStore,
    today: date,
    made: Mapping[str, Manifest] | None = None,
    *,
    everything: bool = False,
) -> Refreshed:
    """Take up what is new, and write the pages.

    Args:
        store: The lake's manifests.
        today: The day that the pages are of: what is late is late by it.
        made: Manifests that the caller has just stored, by their keys, with secret values masked; they are not read.
        everything: Look at all manifests and bring every page up to date, however long that takes.

    Raises:
        StorageError: What S3 answers, or no answer.
    """
    bucket = store.bucket
    held, read_as = objects.read(bucket, LAKE_KEY, LakeRecord)
    lake = _of_bucket(held, bucket.name)
    new = find_new(store, lake, dict(made or {}), today, everything=everything)
    cache = Rereading(store, new.manifests)
    touched: dict[str, list[tuple[str, list[ManifestFile]]]] = {}
    for key, manifest in sorted(new.manifests.items(), key=lambda item: (item[1].ended, item[0])):
        for dataset, files in taking.by_dataset(manifest).items():
            touched.setdefault(dataset, []).append((key, files))
    chosen = list(touched) if everything else _chosen(lake, touched)
    taken = _Taken(store, lake, new.manifests, touched, cache)
    with ThreadPoolExecutor(AT_ONCE) as threads:
        lines = dict(zip(chosen, threads.map(taken.update, chosen), strict=True))

    def change(held: LakeRecord | None) -> LakeRecord:
        record = _of_bucket(held, bucket.name)
        for dataset, line in lines.items():
            other = record.datasets.get(dataset)
            if other is None or other.behind or line.taken >= other.taken:  # else another run has seen more of it
                record.datasets[dataset] = line
        for dataset in touched.keys() - lines.keys():
            record.datasets[dataset] = _line_behind(record.datasets.get(dataset), new.manifests, touched[dataset])
        for key, manifest in new.manifests.items():
            record.take(key)
            record.unreadable.pop(key, None)
            _note_run(record, key, manifest)
        for key, why in list(new.unreadable.items())[:KEPT_UNREADABLE]:
            record.take(key)
            record.unreadable[key] = why
        return record

    # A server that ignores conditions would let this overwrite what another run has written since it was read.
    known = (held, read_as) if bucket.is_on_aws or objects.etag_of(bucket, LAKE_KEY) == read_as else None
    lake, etag = objects.update(bucket, LAKE_KEY, LakeRecord, change, known)
    for _ in range(objects.TRIES):
        _put_page(store, INDEX_KEY, lake_page(lake, today, linked=not bucket.is_on_aws))
        if objects.etag_of(bucket, LAKE_KEY) == etag:
            break
        now, is_now = objects.read(bucket, LAKE_KEY, LakeRecord)
        if now is None or not all(now.has_taken(key) for key in new.manifests):  # conditions are not honoured here
            lake, etag = objects.update(bucket, LAKE_KEY, LakeRecord, change)
        else:
            lake, etag = now, is_now or ""
    with ThreadPoolExecutor(AT_ONCE) as threads:
        list(threads.map(taken.check, [] if bucket.is_on_aws else chosen))
    behind = sum(line.behind is not None for line in lake.datasets.values())
    return Refreshed(len(new.manifests), len(lines), behind, new.more, tuple(new.unreadable.values()))


def rebuild(store: ManifestStore, today: date, *, afresh: bool = False) -> Refreshed:
    """Bring every page up to date, from the manifests alone if asked.

    Args:
        store: The lake's manifests.
        today: The day that the pages are of.
        afresh: Forget what earlier refreshes have kept.

    Raises:
        StorageError: What S3 answers, or no answer.
    """
    lake, _ = objects.read(store.bucket, LAKE_KEY, LakeRecord)
    if afresh or lake is None:
        objects.update(store.bucket, LAKE_KEY, LakeRecord, lambda _: LakeRecord(bucket=store.bucket.name))
    elif any(line.behind for line in lake.datasets.values()):
        objects.update(store.bucket, LAKE_KEY, LakeRecord, lambda held: _without_behind(held, store.bucket.name))
    done = refresh(store, today, everything=True)
    while done.more:
        more = refresh(store, today, everything=True)
        done = Refreshed(
            done.manifests + more.manifests,
            done.datasets + more.datasets,
            more.behind,
            more.more,
            done.unreadable + more.unreadable,
        )
    return done


def _without_behind(held: LakeRecord | None, bucket: str) -> LakeRecord:
    """Return the lake's record without the manifests that some dataset's record does not know: they are read again."""
    record = _of_bucket(held, bucket)
    since = min((line.behind for line in record.datasets.values() if line.behind), default=date.max)
    record.taken = {month: marks for month, marks in record.taken.items() if month < f"{since:%Y/%m}"}
    return record


def _of_bucket(lake: LakeRecord | None, bucket: str) -> LakeRecord:
    """Return the lake's record; that of another bucket was copied here, and knows other manifests."""
    return lake if lake is not None and lake.bucket == bucket else LakeRecord(bucket=bucket)


def _chosen(lake: LakeRecord, touched: Mapping[str, list[tuple[str, list[ManifestFile]]]]) -> list[str]:
    """Return the datasets whose records and pages are brought up to date, at most so many.

    Those come first that need a look. One that is behind stays so, since its record lacks other days too.
    """
    ready = [name for name in touched if (line := lake.datasets.get(name)) is None or line.behind is None]
    if len(touched) <= PAGES_OF_A_RUN:
        return ready

    looked_at = {
        dataset
        for dataset in ready
        if any(not file.landed or file.drift for _, files in touched[dataset] for file in files)
    }
    order = sorted(ready, key=lambda dataset: (dataset not in looked_at, dataset))
    return order[: min(PAGES_OF_MANY, max(PAGES_AT_LEAST, len(looked_at)))]


@dataclass
class _Taken:
    """Takes manifests into the records of datasets, and writes their pages."""

    store: ManifestStore
    lake: LakeRecord
    manifests: Mapping[str, Manifest]
    touched: Mapping[str, list[tuple[str, list[ManifestFile]]]]
    reread: Rereading

    def update(self, dataset: str) -> DatasetLine:
        """Bring a dataset's record and page up to date; returns its line for the lake's page."""
        bucket, key = self.store.bucket, record_key(dataset)

        def change(held: DatasetRecord | None) -> DatasetRecord:
            return self._changed(dataset, held)

        record, etag = objects.update(bucket, key, DatasetRecord, change)
        for _ in range(objects.TRIES):
            page = dataset_page(record, bucket.name, linked=not bucket.is_on_aws)
            _put_page(self.store, page_key(dataset), page)
            if (is_now := objects.etag_of(bucket, key)) == etag or is_now is None:
                break
            held, etag = objects.read(bucket, key, DatasetRecord)  # type: ignore[assignment]
            record = held or record
        return summed_up(record)

    def _changed(self, dataset: str, held: DatasetRecord | None) -> DatasetRecord:
        line = self.lake.datasets.get(dataset)
        record = held if held is not None and held.dataset == dataset else DatasetRecord(dataset=dataset)
        mine = self.touched[dataset]
        # What the lake's record knows of it and its own does not: the latter was lost, or deleted.
        lost = set(line.latest) - record.manifests() - {key for key, _ in mine} if line else set()
        if line and line.behind is None and len(record.days) < line.days:
            lost |= {one.key for one in self.store.every()} - record.manifests() - {key for key, _ in mine}
        for key in sorted(lost):
            if manifest := self.reread(key):
                files = taking.by_dataset(manifest).get(dataset, [])
                taking.take(record, key, manifest, files, self.reread)
        for key, files in mine:
            taking.take(record, key, self.manifests[key], files, self.reread)
        return record

    def check(self, dataset: str) -> None:
        """Write a dataset's record again where another run has overwritten it, on a server without conditions."""
        held, _ = objects.read(self.store.bucket, record_key(dataset), DatasetRecord)
        if held is None or not {key for key, _ in self.touched[dataset]} <= held.manifests():
            self.update(dataset)


def _put_page(store: ManifestStore, key: str, page: str) -> None:
    objects.put(store.bucket, key, page.encode("utf-8", "backslashreplace"), objects.HTML)


def _line_behind(
    known: DatasetLine | None,
    manifests: Mapping[str, Manifest],
    touched: list[tuple[str, list[ManifestFile]]],
) -> DatasetLine:
    """Return a dataset's line for the lake's page without its record, as exact as the line that was there allows."""
    made: DatasetLine | None = known
    for key, files in touched:
        for day, of_day in sorted(taking.by_day(manifests[key], files).items()):
            one = taking.day_of([taking.line_of(file, manifests[key]) for file in of_day])
            one.manifests = [key]
            made = line_with(made, day, one, manifests[key].logical_date)
    if made is None:
        raise ValueError("a dataset that is touched has files")
    return made


def _note_run(record: LakeRecord, key: str, manifest: Manifest) -> None:
    if any(run.manifest == key for run in record.runs):
        return
    run = RunLine(
        day=manifest.logical_date,
        name=manifest.run_name,
        attempt=manifest.run_count,
        started=manifest.started,
        duration_s=manifest.duration_s,
        outcomes=dict(Counter(file.outcome for file in manifest.files)),
        datasets=len({file.dataset for file in manifest.files}),
        manifest=key,
        steps=[
            StepLine(text=step.text, snippet=step.snippet)
            for step in (manifest.next_steps or ())[:KEPT_STEPS]
            if len(step.text) + len(step.snippet or "") <= LONGEST_STEP
        ],
    )
    record.runs = sorted([*record.runs, run], key=lambda one: one.started, reverse=True)[:KEPT_RUNS]
