"""The manifest of a dataset's last landing, found by the raw layer's own keys, however long ago it was.

Manifests are read from the newest on, as far as is reasonable (`flows.lake.manifests.history`). A dataset that comes
once a quarter lies further back than that where runs happen every hour. Raw keys carry dataset and day, so its last day
is found by three listings (years, months, the objects of a month), and the newest object of that day names the manifest
of its run. Nothing is written for it, so two runs cannot overwrite each other's.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from botocore.exceptions import ClientError

from flows.lake import keys
from flows.lake.errors import ManifestUnreadable
from flows.lake.manifests.manifest import Manifest
from flows.lake.s3.errors import status_of, translated

if TYPE_CHECKING:
    from flows.lake.manifests.store import ManifestStore

MOST_LISTED = 20
"""Datasets that are looked for one by one; of more, those that exist are listed first, a thousand a request."""

MOST_OF_A_DAY = 5
"""Manifests of a day that are read to find the run of an object that names none: an older version stored it."""


def existing(store: ManifestStore, datasets: set[str]) -> set[str]:
    """Return which of some datasets have anything in the raw layer, as far as that can be told cheaply."""
    if len(datasets) <= MOST_LISTED:
        return datasets
    return datasets & {name for name, _ in _children(store, f"{keys.RAW_PREFIX}/")}


def find(store: ManifestStore, dataset: str, day: date) -> tuple[str, Manifest] | None:
    """Return the manifest of the run that landed a dataset last, up to a day, with its key; `None` if there is none.

    Raises:
        StorageError: What S3 answers, or no answer.
    """
    with translated(
        f"looking for the last landing of {dataset!r}", bucket=store.bucket, endpoint=store.client.meta.endpoint_url
    ):
        newest = _newest_object(store, dataset, day)
        return _manifest_of(store, *newest) if newest else None


def _newest_object(store: ManifestStore, dataset: str, day: date) -> tuple[str, date] | None:
    """Return the key and day of the object that was written last of those of the dataset's last day."""
    prefix = f"{keys.RAW_PREFIX}/{dataset}/"
    for year in _descending(store, prefix, f"{day.year:04}"):
        last_month = f"{day.month:02}" if int(year) == day.year else "12"
        for month in _descending(store, f"{prefix}{year}/", last_month):
            found: dict[date, tuple[datetime, str]] = {}
            for item in _objects(store, f"{prefix}{year}/{month}/"):
                of_day = keys.day_of_key(item["Key"])
                if of_day and of_day <= day:
                    found[of_day] = max(
                        found.get(of_day, (item["LastModified"], "")), (item["LastModified"], item["Key"])
                    )
            if found:
                last = max(found)
                return found[last][1], last
    return None


def _manifest_of(store: ManifestStore, key: str, day: date) -> tuple[str, Manifest] | None:
    try:
        metadata = store.client.head_object(Key=key, **store.where)["Metadata"]
    except ClientError as error:
        if status_of(error) == 404:
            return None
        raise
    named = [unquote(name) for name in metadata.get("manifest", "").split("|") if name]
    if not named:
        of_day = sorted(store.between(day, day), key=lambda one: one.written, reverse=True)
        named = [one.key for one in of_day[:MOST_OF_A_DAY]]
    for name in named:
        if not name.startswith(f"{keys.MANIFEST_PREFIX}/"):
            continue
        try:
            manifest = store.read(name)
        except (ManifestUnreadable, ClientError):
            continue
        if manifest.run_id == metadata.get("run-id", manifest.run_id):
            return name, manifest
    return None


def _descending(store: ManifestStore, prefix: str, last: str) -> list[str]:
    """Return the numbered folders under a prefix, up to one, the last first."""
    names = {name for name, _ in _children(store, prefix)}
    return sorted((name for name in names if name.isascii() and name.isdigit() and name <= last), reverse=True)


def _children(store: ManifestStore, prefix: str) -> Iterator[tuple[str, str]]:
    """Yield the folders under a prefix, as name and whole prefix."""
    for page in store.client.get_paginator("list_objects_v2").paginate(Prefix=prefix, Delimiter="/", **store.where):
        for item in page.get("CommonPrefixes", ()):
            yield item["Prefix"][len(prefix) : -1], item["Prefix"]


def _objects(store: ManifestStore, prefix: str) -> Iterator[Any]:
    for page in store.client.get_paginator("list_objects_v2").paginate(Prefix=prefix, **store.where):
        yield from page.get("Contents", ())
