"""Which dataset landed on which day, from the manifests of some weeks: the calendar that shows the day without data.

Pure functions of manifests. A day is that of the partition, so a backfill fills the day that it was for. A dataset's
day is unchanged when all its bytes are those of its landing before: it arrived, and nobody had refreshed it. A day is
missing when nothing came that was due by the dataset's rhythm, after its first landing or since the day stated for it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Literal

from flows.lake.contracts.rhythm import Rhythm
from flows.lake.manifests.entries import ManifestFile
from flows.lake.manifests.landed_days import LandedDays
from flows.lake.manifests.manifest import Manifest

CellState = Literal["landed", "unchanged", "rejected", "missing"]

LookUp = Callable[[Collection[str]], Mapping[str, LandedDays]]
"""Finds when datasets landed, whatever the calendar's range; leaves out those that never did."""


@dataclass(frozen=True)
class Cell:
    """A dataset on a day.

    Attributes:
        state: What became of it; rejected where at least one file did not land.
        landed: Files that landed.
        bad: Files that were rejected or failed.
        rows: Data rows of those that landed.
    """

    state: CellState
    landed: int = 0
    bad: int = 0
    rows: int = 0


@dataclass(frozen=True, slots=True)
class _Seen:
    """What is kept of a file while manifests are read: of many thousands there is much more."""

    landed: bool
    known_as: str
    sha256: str | None
    rows: int

    @classmethod
    def of(cls, file: ManifestFile) -> _Seen:
        return cls(file.landed, file.known_as, file.sha256, file.rows or 0)


@dataclass(frozen=True)
class Calendar:
    """Datasets by days.

    Attributes:
        days: The days, the first first.
        datasets: The datasets, those that are expected first.
        expected: The datasets of which a day without a file can be missing, with their rhythms.
        cells: What is known, by dataset and day; nothing where nothing was due and nothing came.
        before: The last landing of expected datasets that have none in the manifests of the range.
    """

    days: tuple[date, ...]
    datasets: tuple[str, ...]
    expected: Mapping[str, Rhythm]
    cells: dict[tuple[str, date], Cell]
    before: Mapping[str, date] = field(default_factory=dict)

    def missing_on(self, day: date) -> tuple[str, ...]:
        """Return the datasets that are missing on a day."""
        cells = ((name, self.cells.get((name, day))) for name in self.expected)
        return tuple(name for name, cell in cells if cell and cell.state == "missing")

    def last_landed(self, dataset: str) -> date | None:
        """Return the last day on which a dataset landed, up to the calendar's last; `None` where none is known."""
        landed = (day for day in reversed(self.days) if (cell := self.cells.get((dataset, day))) and cell.landed)
        return next(landed, self.before.get(dataset))

    @property
    def never_landed(self) -> tuple[str, ...]:
        """The expected datasets that have not landed once: new ones, and those whose name is misspelt."""
        return tuple(name for name in self.expected if self.last_landed(name) is None)


_Files = dict[tuple[str, date], dict[str, _Seen]]


def make_calendar(
    manifests: Iterable[Manifest],
    start: date,
    end: date,
    expected: Mapping[str, Rhythm] | None = None,
    look_up: LookUp = lambda _: {},
    *,
    now: datetime | None = None,
) -> Calendar:
    """Make the calendar of a range of days.

    Args:
        manifests: The manifests of the range and of later days, in the order of their writing.
        start: The first day.
        end: The last one.
        expected: The datasets that should land, with their rhythms.
        look_up: Finds when datasets landed; asked once, for those about which the manifests do not say enough.
        now: The time, in the zone of the times of day at which datasets are due; without it, those are past.
    """
    days = tuple(start + timedelta(days=n) for n in range((end - start).days + 1))
    files = _files_of(manifests, start, end)
    wanted = dict(expected or {})
    first_seen: dict[str, date] = {}
    for (dataset, day), of_day in files.items():
        if any(file.landed for file in of_day.values()):
            first_seen[dataset] = min(day, first_seen.get(dataset, day))
    earlier = look_up(names) if (names := _undecided(wanted, days, first_seen)) else {}
    first = first_seen | {
        name: min(landed.first, first_seen.get(name, landed.first)) for name, landed in earlier.items()
    }
    datasets = (*wanted, *sorted({dataset for dataset, _ in files} - wanted.keys()))
    cells: dict[tuple[str, date], Cell] = {}
    for dataset in datasets:
        due = {day for day in days if dataset in wanted and _is_due(wanted[dataset], day, first.get(dataset), now)}
        cells |= _cells_of(dataset, days, files, due)
    before = {dataset: landed.last for dataset, landed in earlier.items() if dataset not in first_seen}
    return Calendar(days, datasets, wanted, cells, before)


def _files_of(manifests: Iterable[Manifest], start: date, end: date) -> _Files:
    files: _Files = {}
    for manifest in manifests:
        for file in manifest.files:
            day = file.day or manifest.logical_date
            if not start <= day <= end:
                continue
            of_day = files.setdefault((file.dataset, day), {})
            if file.landed or not (file.name in of_day and of_day[file.name].landed):
                of_day[file.name] = _Seen.of(file)
    return files


def _undecided(wanted: Mapping[str, Rhythm], days: Sequence[date], first_seen: Mapping[str, date]) -> list[str]:
    """Return the datasets that did not land in the range, or were due before they did and may be older than that."""
    return [
        name
        for name, rhythm in wanted.items()
        if (first := first_seen.get(name)) is None
        or (rhythm.since is None and any(day < first and rhythm.is_due(day) for day in days))
    ]


def _is_due(rhythm: Rhythm, day: date, first: date | None, now: datetime | None) -> bool:
    """Return whether nothing on a day means that something is missing: the stated day goes before the first landing."""
    if now and rhythm.by and datetime.combine(day, rhythm.by) > now.replace(tzinfo=None):
        return False
    began = rhythm.since is not None or (first is not None and day > first)
    return began and rhythm.is_due(day)


def _cells_of(dataset: str, days: Sequence[date], files: _Files, due: Collection[date]) -> dict[tuple[str, date], Cell]:
    cells: dict[tuple[str, date], Cell] = {}
    before: dict[str, str | None] = {}
    for day in days:
        of_day = files.get((dataset, day), {}).values()
        landed = [file for file in of_day if file.landed]
        now = {file.known_as: file.sha256 for file in landed}
        if not of_day:
            if day in due:
                cells[dataset, day] = Cell("missing")
            continue
        bad = len(of_day) - len(landed)
        state: CellState = "rejected" if bad else "unchanged" if before and now == before else "landed"
        cells[dataset, day] = Cell(state, len(landed), bad, sum(file.rows for file in landed))
        before = now or before
    return cells
