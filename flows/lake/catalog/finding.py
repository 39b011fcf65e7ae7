"""Which manifests the catalog does not know yet, and what they say."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date, timedelta

from flows.lake.catalog.records import LakeRecord
from flows.lake.errors import ManifestUnreadable
from flows.lake.manifests.manifest import Manifest
from flows.lake.manifests.store import ManifestStore, StoredManifest
from flows.lake.units import MB

MAX_BYTES = 64 * MB
"""Manifests that are read at once."""
AT_ONCE = 8


@dataclass
class New:
    """Manifests to take up, by their keys."""

    manifests: dict[str, Manifest] = field(default_factory=dict)
    unreadable: dict[str, str] = field(default_factory=dict)
    more: bool = False


def find_new(
    store: ManifestStore, lake: LakeRecord, made: dict[str, Manifest], today: date, *, everything: bool
) -> New:
    """Return the manifests that are not in the lake's record.

    Args:
        store: The manifests.
        lake: The lake's record.
        made: Those that the caller holds.
        today: The day; without `everything`, those of its month, of the month before and of `made` are listed.
        everything: List all of them.
    """
    new = New(manifests={key: manifest for key, manifest in made.items() if not lake.has_taken(key)})
    listed: Iterable[StoredManifest]
    if everything or not lake.taken:
        listed = sorted(store.every(), key=lambda one: (one.day, one.written, one.key))
    else:
        months = {(today.year, today.month), _before(today)} | {_month(made[key].logical_date) for key in made}
        with ThreadPoolExecutor(AT_ONCE) as threads:
            of_months = threads.map(lambda month: list(store.of_month(date(month[0], month[1], 1))), sorted(months))
            listed = [one for of_month in of_months for one in of_month]
    size_bytes = 0
    wanted: list[str] = []
    for one in listed:
        if one.key in new.manifests or lake.has_taken(one.key):
            continue
        if wanted and size_bytes + one.size_bytes > MAX_BYTES:
            new.more = True
            break
        size_bytes += one.size_bytes
        wanted.append(one.key)
    with ThreadPoolExecutor(AT_ONCE) as threads:
        for key, found in zip(wanted, threads.map(lambda key: _read(store, key), wanted), strict=True):
            if isinstance(found, Manifest):
                new.manifests[key] = found
            else:
                new.unreadable[key] = found
    return new


def _read(store: ManifestStore, key: str) -> Manifest | str:
    try:
        return store.read(key)
    except ManifestUnreadable as error:
        return str(error)


def _month(day: date) -> tuple[int, int]:
    return day.year, day.month


def _before(day: date) -> tuple[int, int]:
    first = day.replace(day=1)
    return _month(first - timedelta(days=1) if first > date.min else first)


@dataclass
class Rereading:
    """Reads manifests again, each once."""

    store: ManifestStore
    known: dict[str, Manifest]

    def __call__(self, key: str) -> Manifest | None:
        """Return a manifest, `None` where it cannot be read any more."""
        if key not in self.known:
            found = _read(self.store, key)
            if not isinstance(found, Manifest):
                return None
            self.known = self.known | {key: found}
        return self.known[key]
