"""The first and the last day on which a dataset landed, by the raw layer's own keys, however old the lake is.

Keys carry dataset and day (`Raw/Local/CSV/<Dataset>/<yyyy>/<mm>/<dd>/`), so each end is found by a listing of years, of
months, of days, and a look whether that day holds a file. No manifest is read: this says when, never what.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from flows.lake import keys

if TYPE_CHECKING:
    from flows.lake.manifests.store import ManifestStore

AT_ONCE = 10
"""Datasets that are looked for side by side: as many as the client keeps connections."""

LOOKED_AT = 10
"""Keys of a day that are looked at: besides files only the marker of an empty folder should be there."""


@dataclass(frozen=True)
class LandedDays:
    """The first day on which a dataset landed, and the last one up to the day asked for."""

    first: date
    last: date


def find_landed_days(store: ManifestStore, datasets: Iterable[str], until: date) -> dict[str, LandedDays]:
    """Find when some datasets landed; one that did not land up to a day is left out.

    Raises:
        StorageError: What S3 answers, or no answer.
    """
    names = list(datasets)
    with store.bucket.doing("looking for datasets"):
        origins = sorted(set(store.bucket.folders("Raw/")) & set(keys.ORIGINS))
    with ThreadPoolExecutor(AT_ONCE) as threads:
        landed = threads.map(lambda name: _days_of(store, name, origins, until), names)
        return {name: days for name, days in zip(names, landed, strict=True) if days}


def _days_of(store: ManifestStore, dataset: str, origins: list[str], until: date) -> LandedDays | None:
    with store.bucket.doing(f"looking for the landings of {dataset!r}"):
        found = [
            days
            for origin in origins
            for form in keys.FORMATS
            if (days := _days_in(store, f"Raw/{origin}/{form}/{dataset}", until))
        ]
    if not found:
        return None
    return LandedDays(min(days.first for days in found), max(days.last for days in found))


def _days_in(store: ManifestStore, folder: str, until: date) -> LandedDays | None:
    last = next((day for day in _days(store, folder, until, newest=True) if _holds(store, folder, day)), None)
    if last is None:
        return None
    first = next((day for day in _days(store, folder, last, newest=False) if _holds(store, folder, day)), last)
    return LandedDays(first, last)


def _days(store: ManifestStore, folder: str, until: date, *, newest: bool) -> Iterator[date]:
    """Yield the days up to one that a folder has one of, in one order or the other; lists lazily."""
    prefix = f"{folder}/"
    for year in _numbers(store, prefix, 4, newest=newest):
        if year > until.year:
            continue
        of_year = f"{prefix}{year:04}/"
        for month in _numbers(store, of_year, 2, newest=newest):
            if (year, month) > (until.year, until.month):
                continue
            for number in _numbers(store, f"{of_year}{month:02}/", 2, newest=newest):
                day = keys.day_of_key(f"{of_year}{month:02}/{number:02}/x")
                if day and day <= until:
                    yield day


def _numbers(store: ManifestStore, prefix: str, digits: int, *, newest: bool) -> list[int]:
    """Return the folders under a prefix whose names are numbers of so many digits, in order."""
    names = store.bucket.folders(prefix)
    return sorted(
        {int(name) for name in names if len(name) == digits and name.isascii() and name.isdigit()}, reverse=newest
    )


def _holds(store: ManifestStore, folder: str, day: date) -> bool:
    """Return whether a day's folder holds a file: an empty folder, or one with folders only, is no landing."""
    prefix = f"{folder}/{keys.day_path(day)}/"
    answer = store.bucket.client.list_objects_v2(Prefix=prefix, Delimiter="/", MaxKeys=LOOKED_AT, **store.bucket.where)
    return any(item["Key"] != prefix for item in answer.get("Contents", ()))
