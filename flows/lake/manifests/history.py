"""What earlier runs landed, from their manifests: the last landing of each file, and the last runs of each dataset.

Reading the past costs as much after years as after a week: manifests are read from the newest on, until every file of
the run has been seen and the days that a person is shown are covered, and never more than the limits below allow. The
last landing of a dataset that lies further back is looked for by the keys of the raw layer
(`flows.lake.manifests.last_landing`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from flows.lake import keys
from flows.lake.errors import ManifestUnreadable
from flows.lake.manifests import last_landing
from flows.lake.manifests.archives import archive_of
from flows.lake.manifests.drift import told
from flows.lake.manifests.entries import ManifestFile
from flows.lake.manifests.manifest import Manifest
from flows.lake.masking_rules import LooksSensitive, MaskedCells, Masking
from flows.lake.memory import seldom_collected
from flows.lake.models import BadRow, ColumnProfile, CsvProfile, Drift, Landed, LastLanding
from flows.lake.units import MB
from flows.lake.web.answers import WebAnswer

if TYPE_CHECKING:
    from flows.lake.manifests.store import ManifestStore

LOOK_BACK_MONTHS = 3
MAX_MANIFESTS = 100
MAX_BYTES = 64 * MB
"""A manifest of 10,000 files with 15 columns each has about 13 MB."""

SHOWN_DAYS = 14
SHOWN_BYTES = 6 * MB
"""Manifests are read for the sake of the picture alone until so much is read: it shows twenty datasets at most."""

COARSE_CLOCK_S = 2.0
_BESIDE = {"sep", "encoding", "decimal", "low_memory", "quotechar"}
"""The coarsest step in which file systems keep modification times (FAT)."""

FileName = tuple[str, str]
"""A dataset, and the name that its file has on every day (`flows.lake.keys.known_as`)."""


@dataclass(frozen=True)
class DatasetRun:
    """What one run did with one dataset.

    Attributes:
        dataset: The dataset.
        day: The run's logical date.
        run_name: The run's name.
        landed: Files that the raw layer held afterwards.
        bad: Files that were rejected or failed.
        rows: Data rows of the landed files.
        size_bytes: Their size.
        drift: What had changed, in sentences.
        changes: How many changes those tell.
    """

    dataset: str
    day: date
    run_name: str
    landed: int
    bad: int
    rows: int
    size_bytes: int
    drift: tuple[str, ...] = ()
    changes: int = 0


@dataclass(frozen=True)
class History:
    """What was found of the past.

    Attributes:
        last: The last landing of each file that was asked for, as far as there is one.
        runs: What earlier runs did with each dataset, the newest first.
        unreadable: Why manifests could not be read, a sentence each.
        manifests: How many were read.
        wanted: How many files it was asked for.
        masked: The datasets that were masked in the last run that knew them.
    """

    last: Mapping[FileName, LastLanding] = field(default_factory=dict)
    runs: tuple[DatasetRun, ...] = ()
    unreadable: tuple[str, ...] = ()
    manifests: int = 0
    wanted: int = 0
    masked: frozenset[str] = frozenset()


@seldom_collected()
def read_history(store: ManifestStore, wanted: Iterable[FileName], day: date, origin: keys.Origin = "Local") -> History:
    """Read what earlier runs landed.

    Args:
        store: The manifests.
        wanted: The files whose last landing is of interest.
        day: The logical date of the run that asks; later ones are not looked at.
        origin: Where the run's files come from.

    Raises:
        StorageError: What S3 answers, or no answer.
    """
    waiting = set(wanted)
    last: dict[FileName, LastLanding] = {}
    runs: list[DatasetRun] = []
    unreadable: list[str] = []
    masks: dict[str, bool] = {}
    count = read_bytes = 0
    since = day - timedelta(days=SHOWN_DAYS) if day.toordinal() > SHOWN_DAYS else date.min
    for stored in store.newest_first(day, LOOK_BACK_MONTHS):
        shown = stored.day > since and read_bytes < SHOWN_BYTES
        full = count == MAX_MANIFESTS or (count and read_bytes + stored.size_bytes > MAX_BYTES)
        if full or not (waiting or shown):
            break
        count, read_bytes = count + 1, read_bytes + stored.size_bytes
        try:
            manifest = store.read(stored.key)
        except ManifestUnreadable as error:
            unreadable.append(str(error))
            continue
        _take(manifest, stored.key, waiting, last, store)
        for dataset, is_masked in manifest.masks().items():
            # One that is not signed can say that a dataset was masked, not that it was not.
            if is_masked or manifest.is_signed or store.signing_key is None:
                masks.setdefault(dataset, is_masked)
        runs += dataset_runs(manifest)
    count += _search_further(store, day, origin, waiting, last, unreadable)
    masked = {dataset for dataset, is_masked in masks.items() if is_masked}
    further = {dataset for (dataset, _), landing in last.items() if dataset not in masks and landing.masking}
    return History(last, tuple(runs), tuple(unreadable), count, masked=frozenset(masked | further))


def _take(
    manifest: Manifest, key: str, waiting: set[FileName], last: dict[FileName, LastLanding], store: ManifestStore
) -> None:
    """Take the landings of a manifest; those of one that is not signed only until a signed one is found."""
    landings = last_landings(manifest, key, waiting)
    last.update({name: landing for name, landing in landings.items() if name not in last or landing.is_signed})
    if manifest.is_signed or store.signing_key is None:
        waiting.difference_update(landings)


def _search_further(
    store: ManifestStore,
    day: date,
    origin: keys.Origin,
    waiting: set[FileName],
    last: dict[FileName, LastLanding],
    unreadable: list[str],
) -> int:
    """Look further back for the datasets of which nothing was found; returns how many manifests were read."""
    unseen = {_folder(name, origin) for name in waiting} - {_folder(name, origin) for name in last}
    left = sorted(last_landing.existing(store, unseen)) if unseen else []
    count, together = 0, 1
    while left:
        # One first: the manifest of its run may name others too.
        for landing in last_landing.find_all(store, left[:together], day):
            unreadable += (problem for problem in landing.unreadable if problem not in unreadable)
            if landing.key and landing.manifest:
                count += 1
                _take(landing.manifest, landing.key, waiting, last, store)
        still = {_folder(name, origin) for name in waiting - last.keys()}
        left, together = [folder for folder in left[together:] if folder in still], last_landing.AT_ONCE
    return count


def _folder(name: FileName, origin: keys.Origin) -> str:
    dataset, known_as = name
    return keys.raw_folder(known_as, dataset, origin)


def last_landings(manifest: Manifest, key: str, wanted: set[FileName]) -> dict[FileName, LastLanding]:
    """Return the last landing of those wanted files that a manifest holds; of several days in one, the last."""
    newest: dict[FileName, ManifestFile] = {}
    for file in manifest.files:
        name = (file.dataset, file.known_as)
        if name not in wanted or not file.landed:
            continue
        if name not in newest or (file.day or date.min) >= (newest[name].day or date.min):
            newest[name] = file
    is_signed, since_ns = manifest.is_signed, (manifest.started.timestamp() - COARSE_CLOCK_S) * 1e9
    found: dict[FileName, LastLanding] = {}
    for name, file in newest.items():
        columns = tuple(ColumnProfile(column.name, column.dtype, column.non_null) for column in file.columns)
        found[name] = LastLanding(
            file.day or manifest.logical_date,
            file.rows or 0,
            columns,
            key,
            _landed(file, columns, since_ns) if is_signed else None,
            is_signed,
            manifest.contract_of(file),
            file.recipe,
            _masking(file),
            archive_of(file.archive) if file.archive else None,
        )
    return found


def _landed(file: ManifestFile, columns: tuple[ColumnProfile, ...], since_ns: float) -> Landed | None:
    """Return a landing by which a file can be recognised, `None` where the entry does not say enough for that.

    A file that changed shortly before the run, or during it, may have changed again within the same tick of its clock.
    """
    if file.path is None or file.etag is None or file.mtime_ns is None or file.rows is None:
        return None
    if file.sha256 is None or file.crc64nvme is None:
        return None
    if file.archive is None and (file.encoding is None or file.delimiter is None):
        return None
    if file.web is None and file.mtime_ns > since_ns:
        return None
    profile = CsvProfile(
        path=Path(file.name),
        rows=file.rows,
        columns=columns,
        size_bytes=file.size_bytes,
        mtime_ns=file.mtime_ns,
        sha256=file.sha256,
        crc64nvme=file.crc64nvme,
        encoding=file.encoding or "",
        delimiter=file.delimiter or "",
        decimal=file.decimal or ".",
        quotechar=file.quotechar or '"',
        hints=file.hints,
        compression=file.compression,
        extra={name: value for name, value in (file.recipe or {}).items() if name not in _BESIDE},
        bad_rows=file.bad_rows or 0,
        bad=tuple(BadRow(row.line, row.reason) for row in file.bad),
        short_rows=file.short_rows or 0,
        sensitive=tuple(LooksSensitive(one.column, one.kind, one.mask) for one in file.sensitive),
        archive=archive_of(file.archive) if file.archive else None,
    )
    web = WebAnswer(**file.web.model_dump()) if file.web else None
    return Landed(file.path, file.key, file.etag, file.version_id, profile, _masking(file), web)


def _masking(file: ManifestFile) -> Masking | None:
    if file.masking is None:
        return None
    cells = (MaskedCells(one.column, one.rule, one.masked, one.missing, one.redacted) for one in file.masking.columns)
    return Masking(file.masking.rules, file.masking.key, file.masking.size_bytes, tuple(cells))


def _told(file: ManifestFile) -> list[str]:
    return told([Drift(change.kind, change.text, change.column) for change in file.drift])


def dataset_runs(manifest: Manifest) -> list[DatasetRun]:
    """Return what a run did with each of its datasets."""
    by_dataset: dict[str, list[ManifestFile]] = {}
    for file in manifest.files:
        by_dataset.setdefault(file.dataset, []).append(file)
    return [
        DatasetRun(
            dataset,
            manifest.logical_date,
            manifest.run_name,
            landed=sum(file.landed for file in files),
            bad=sum(not file.landed for file in files),
            rows=sum(file.rows or 0 for file in files if file.landed),
            size_bytes=sum(file.size_bytes for file in files if file.landed),
            drift=tuple(f"{file.name}: {text}" for file in files for text in _told(file))[:20],
            changes=sum(len(file.drift) for file in files),
        )
        for dataset, files in by_dataset.items()
    ]
