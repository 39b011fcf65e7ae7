"""The manifest of a dataset's last landing, found by the raw layer's own keys, however long ago it was.

Manifests are read from the newest on, as far as is reasonable (`flows.lake.manifests.history`). A dataset that comes
once a quarter lies further back than that where runs happen every hour. Raw keys carry dataset and day, so its last day
is found by three listings (years, months, the objects of a month), and the newest object of that day names the manifest
of its run: five requests, and two more where the month holds more objects than one answer. Nothing is written for it,
so two runs cannot overwrite each other's.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from flows.lake import keys
from flows.lake.errors import ManifestUnreadable
from flows.lake.manifests.manifest import Manifest
from flows.lake.s3.s3_object import S3Object

if TYPE_CHECKING:
    from flows.lake.manifests.store import ManifestStore

MOST_LISTED = 20
"""Datasets that are looked for one by one; of more, those that exist are listed first, a thousand a request."""

AT_ONCE = 8
"""Datasets that are looked for side by side."""

MOST_OF_A_DAY = 5
"""Manifests of a day that are read to find the run of an object that names none: an older version stored it."""

MOST_LANDINGS = 3
"""Landings of a dataset that are looked at, the last one first, until one has a manifest that can be read."""

MOST_FOLDERS = 12
"""Years and months that are listed for one dataset, whatever folders others have made there."""


@dataclass(frozen=True)
class Found:
    """What was found of one dataset.

    Attributes:
        key: The manifest's key, and the manifest; `None` where no landing has one.
        manifest: The manifest.
        unreadable: Why manifests could not be read, a sentence each.
    """

    key: str | None = None
    manifest: Manifest | None = None
    unreadable: tuple[str, ...] = ()


def existing(store: ManifestStore, folders: set[str]) -> set[str]:
    """Return which of some datasets' folders are in the raw layer, as far as that can be told cheaply."""
    if len(folders) <= MOST_LISTED:
        return folders
    above = {folder.rpartition("/")[0] for folder in folders}
    with store.bucket.doing("looking for datasets"):
        return folders & {f"{top}/{name}" for top in above for name in store.bucket.folders(f"{top}/")}


def find_all(store: ManifestStore, folders: list[str], day: date) -> list[Found]:
    """Return what `find` returns for each of some folders, which are looked for side by side."""
    with ThreadPoolExecutor(AT_ONCE) as threads:
        return list(threads.map(lambda folder: find(store, folder, day), folders))


def find(store: ManifestStore, folder: str, day: date) -> Found:
    """Return the manifest of the run that landed in a dataset's folder last, up to a day.

    Raises:
        StorageError: What S3 answers, or no answer.
    """
    unreadable: list[str] = []
    with store.bucket.doing(f"looking for the last landing in {folder!r}"):
        for number, (key, of_day, written) in enumerate(_newest_objects(store, folder, day), start=1):
            for name in manifests_of(store, key, of_day, written):
                try:
                    manifest = store.read(name)
                except ManifestUnreadable as error:
                    unreadable.append(str(error))
                    continue
                if any(file.key == key for file in manifest.files):
                    return Found(name, manifest, tuple(unreadable))
            if number == MOST_LANDINGS:
                break
    return Found(unreadable=tuple(unreadable))


def _newest_objects(store: ManifestStore, folder: str, day: date) -> Iterator[tuple[str, date, datetime]]:
    """Yield for each day on which a dataset landed, the last one first, the object that was written last, and when."""
    prefix = f"{folder}/"
    folders = 0
    for year in _descending(store, prefix, 4, f"{day.year:04}"):
        last_month = f"{day.month:02}" if int(year) == day.year else "12"
        for month in _descending(store, f"{prefix}{year}/", 2, last_month):
            folders += 1
            if folders > MOST_FOLDERS:
                return
            newest: dict[date, tuple[datetime, str]] = {}
            for item in _objects_of_month(store, f"{prefix}{year}/{month}/"):
                of_day = keys.day_of_key(item["Key"])
                if of_day and of_day <= day and not item["Key"].endswith("/"):
                    this = (item["LastModified"], item["Key"])
                    newest[of_day] = max(newest.get(of_day, this), this)
            for of_day in sorted(newest, reverse=True):
                written, key = newest[of_day]
                yield key, of_day, written


def _objects_of_month(store: ManifestStore, prefix: str) -> list[Any]:
    """Return the objects of a month; of one that holds more than a listing's answer, those of its last days."""
    answer = store.bucket.client.list_objects_v2(Prefix=prefix, **store.bucket.where)
    if not answer.get("IsTruncated"):
        return list(answer.get("Contents", ()))
    days = sorted(name for name in store.bucket.folders(prefix) if len(name) == 2 and name.isdigit())
    objects: list[Any] = []
    for number in days[-MOST_LANDINGS:]:
        answer = store.bucket.client.list_objects_v2(Prefix=f"{prefix}{number}/", **store.bucket.where)
        objects += answer.get("Contents", ())
    return objects


def manifests_of(store: ManifestStore, key: str, day: date, written: datetime) -> Iterator[str]:
    """Yield the keys of which one is the manifest of the run that stored an object."""
    stored = S3Object(store.bucket, key).head()
    if stored is None:
        return
    named = [unquote(name) for name in stored.metadata.get("manifest", "").split("|") if name]
    if named:
        yield from (name for name in named if name.startswith(f"{keys.MANIFEST_PREFIX}/"))
        return
    # A file with a date in its name lies under that day, its run's manifest under the day of the run.
    run_day, a_day = written.date(), timedelta(days=1)
    every = {
        entry.key: entry
        for start, end in ((day, day), (run_day - a_day, run_day + a_day))
        for entry in store.between(start, end)
    }
    # A run writes its manifest after its files.
    likely = sorted(every.values(), key=lambda entry: (entry.written < written, entry.written))
    yield from (entry.key for entry in likely[:MOST_OF_A_DAY])


def _descending(store: ManifestStore, prefix: str, digits: int, last: str) -> list[str]:
    """Return the folders under a prefix whose names are numbers of so many digits, up to one, the last first."""
    names = (name for name in store.bucket.folders(prefix) if len(name) == digits and name.isascii() and name.isdigit())
    return sorted((name for name in names if name <= last), reverse=True)
