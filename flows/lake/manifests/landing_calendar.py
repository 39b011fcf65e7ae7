"""Which dataset landed on which day, from the manifests of some weeks: the calendar that shows the day without data.

Pure functions of manifests. A day is that of the partition, so a backfill fills the day that it was for. A dataset's
day is unchanged when all its bytes are those of its landing before: it arrived, and nobody had refreshed it. A day is
missing when nothing came that was due by the dataset's rhythm, after its first landing or since the day stated for it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Literal

from flows.lake.manifests.landed_days import LandedDays
from flows.lake.manifests.manifest import Manifest, ManifestFile
from flows.lake.manifests.rhythm import Rhythm
from flows.lake.words import md, shown

CellState = Literal["landed", "unchanged", "rejected", "missing"]
SYMBOLS: dict[CellState, str] = {"landed": "✓", "unchanged": "=", "rejected": "✗", "missing": "?"}
NOTHING = "·"
SHOWN_DATASETS = 200
LONGEST_NAME = 40
SHOWN_NAMES = 20

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
) -> Calendar:
    """Make the calendar of a range of days.

    Args:
        manifests: The manifests of the range and of later days, in the order of their writing.
        start: The first day.
        end: The last one.
        expected: The datasets that should land, with their rhythms.
        look_up: Finds when datasets landed; asked once, for those about which the manifests do not say enough.
    """
    days = tuple(start + timedelta(days=n) for n in range((end - start).days + 1))
    files = _files_of(manifests, start, end)
    wanted = dict(expected or {})
    first_seen: dict[str, date] = {}
    for (dataset, day), there in files.items():
        if any(file.landed for file in there.values()):
            first_seen[dataset] = min(day, first_seen.get(dataset, day))
    found = look_up(names) if (names := _undecided(wanted, days, first_seen)) else {}
    first = first_seen | {name: min(landed.first, first_seen.get(name, landed.first)) for name, landed in found.items()}
    datasets = (*wanted, *sorted({dataset for dataset, _ in files} - wanted.keys()))
    cells: dict[tuple[str, date], Cell] = {}
    for dataset in datasets:
        due = {day for day in days if dataset in wanted and _is_due(wanted[dataset], day, first.get(dataset))}
        cells |= _cells_of(dataset, days, files, due)
    before = {dataset: landed.last for dataset, landed in found.items() if dataset not in first_seen}
    return Calendar(days, datasets, wanted, cells, before)


def _files_of(manifests: Iterable[Manifest], start: date, end: date) -> _Files:
    files: _Files = {}
    for manifest in manifests:
        for file in manifest.files:
            day = file.day or manifest.logical_date
            if not start <= day <= end:
                continue
            there = files.setdefault((file.dataset, day), {})
            if file.landed or not (file.name in there and there[file.name].landed):
                there[file.name] = _Seen.of(file)
    return files


def _undecided(wanted: Mapping[str, Rhythm], days: Sequence[date], first_seen: Mapping[str, date]) -> list[str]:
    """Return the datasets that did not land in the range, or were due before they did and may be older than that."""
    return [
        name
        for name, rhythm in wanted.items()
        if (first := first_seen.get(name)) is None
        or (rhythm.since is None and any(day < first and rhythm.is_due(day) for day in days))
    ]


def _is_due(rhythm: Rhythm, day: date, first: date | None) -> bool:
    """Return whether nothing on a day means that something is missing: the stated day goes before the first landing."""
    began = rhythm.since is not None or (first is not None and day > first)
    return began and rhythm.is_due(day)


def _cells_of(dataset: str, days: Sequence[date], files: _Files, due: Collection[date]) -> dict[tuple[str, date], Cell]:
    cells: dict[tuple[str, date], Cell] = {}
    before: dict[str, str | None] = {}
    for day in days:
        there = files.get((dataset, day), {}).values()
        landed = [file for file in there if file.landed]
        now = {file.known_as: file.sha256 for file in landed}
        if not there:
            if day in due:
                cells[dataset, day] = Cell("missing")
            continue
        bad = len(there) - len(landed)
        state: CellState = "rejected" if bad else "unchanged" if before and now == before else "landed"
        cells[dataset, day] = Cell(state, len(landed), bad, sum(file.rows for file in landed))
        before = now or before
    return cells


def calendar_markdown(calendar: Calendar, bucket: str) -> str:
    """Write the Markdown of the calendar's artifact: a line a dataset, a column a day, the newest at the right."""
    kept = set(sorted(calendar.datasets, key=lambda name: not _has_trouble(calendar, name))[:SHOWN_DATASETS])
    names = [name for name in calendar.datasets if name in kept]
    width = max((len(_fixed(name)) for name in names), default=0)
    # A table's cells are so wide in the UI that ten days fill the page; in a block of code a month fits.
    lines = [
        f"# Landings in `s3://{bucket}`, {calendar.days[0]} to {calendar.days[-1]}",
        "",
        "```",
        " " * width + "".join(f" {day:%d}" for day in calendar.days),
    ]
    for name in names:
        symbols = (_symbol(calendar.cells.get((name, day))) for day in calendar.days)
        lines.append(f"{_fixed(name):{width}}" + "".join(f"  {symbol}" for symbol in symbols))
    lines.append("```")
    if len(calendar.datasets) > len(names):
        lines += ["", f"… and {len(calendar.datasets) - len(names):,} more datasets."]
    legend = ", ".join(f"`{symbol}` {state}" for state, symbol in SYMBOLS.items())
    lines += ["", f"{legend}, `{NOTHING}` nothing came and nothing was due."]
    lines += ["Unchanged: every byte is that of the landing before. Rejected: at least one file did not land."]
    for title, state in (("Missing", "missing"), ("Rejected", "rejected")):
        found = [line for name in names if (line := _days_in(calendar, name, state))]
        lines += ["", f"## {title}", "", *found] if found else []
    if never := calendar.never_landed:
        named = [
            f"- **{md(shown(name))}**: {_rhythm_text(calendar.expected[name])}." for name in never[:SHOWN_DATASETS]
        ]
        more = [f"- … and {len(never) - len(named):,} more."] if len(never) > len(named) else []
        note = "Expected, and not once in the raw layer. Is the name right? It is that of the folder under `Raw/`."
        lines += ["", "## Never landed", "", note, "", *named, *more]
    return "\n".join(lines) + "\n"


def _days_in(calendar: Calendar, dataset: str, state: str) -> str:
    """Return a line on the days on which a dataset was in a state, or nothing where there is none."""
    cells = ((day, calendar.cells.get((dataset, day))) for day in reversed(calendar.days))
    days = [
        f"{day:%m-%d}" + (f" ({cell.bad} of {cell.bad + cell.landed} files)" if cell.bad else "")
        for day, cell in cells
        if cell and cell.state == state
    ]
    if not days:
        return ""
    last = calendar.last_landed(dataset)
    rhythm = calendar.expected.get(dataset)
    # Of a dataset that nobody expects, only the range is known.
    never = "Has never landed." if rhythm else f"Has not landed since {calendar.days[0]}."
    since = f"Landed last on {last}." if last else never
    due = f" ({_rhythm_text(rhythm)})" if rhythm and state == "missing" else ""
    return f"- **{md(dataset)}**{due}: {', '.join(days)}. {since}"


def _rhythm_text(rhythm: Rhythm) -> str:
    return rhythm.text + (f" since {rhythm.since}" if rhythm.since else "")


def _fixed(name: str) -> str:
    """Return a dataset's name as it can stand in a block of code, cut where it is very long."""
    return shown(name.replace("`", "'"), LONGEST_NAME)


def _has_trouble(calendar: Calendar, dataset: str) -> bool:
    cells = (calendar.cells.get((dataset, day)) for day in calendar.days)
    return any(cell and cell.state in {"missing", "rejected"} for cell in cells)


def _symbol(cell: Cell | None) -> str:
    return SYMBOLS[cell.state] if cell else NOTHING


def verdict(calendar: Calendar) -> str:
    """Say what is missing on the calendar's last day, and which expected datasets have never landed."""
    day = calendar.days[-1]
    never = calendar.never_landed
    missing = calendar.missing_on(day)
    if missing:
        said = f"Missing on {day}: {named(missing)}."
    else:
        landed = sum(bool((cell := calendar.cells.get((name, day))) and cell.landed) for name in calendar.datasets)
        said = f"Nothing is missing on {day}; {landed:,} datasets landed."
    if not calendar.expected:
        said += " No dataset is expected: name some in the parameter expected."
    return said + (f" Expected, but never landed: {named(never)}." if never else "")


def named(names: Sequence[str]) -> str:
    """Return the first names of a list, as they can stand in a sentence, and how many more there are."""
    more = f" and {len(names) - SHOWN_NAMES:,} more" if len(names) > SHOWN_NAMES else ""
    return ", ".join(map(shown, names[:SHOWN_NAMES])) + more
