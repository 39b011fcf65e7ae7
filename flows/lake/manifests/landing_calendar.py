"""Which dataset landed on which day, from the manifests of some weeks: the calendar that shows the day without data.

Pure functions of manifests. A day is that of the partition, so a backfill fills the day that it was for. A dataset's
day is unchanged when all its bytes are those of its landing before: it arrived, and nobody had refreshed it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

from flows.lake.manifests.manifest import Manifest, ManifestFile
from flows.lake.words import md, shown

CellState = Literal["landed", "unchanged", "rejected", "missing"]
SYMBOLS: dict[CellState, str] = {"landed": "✓", "unchanged": "=", "rejected": "✗", "missing": "?"}
NOTHING = "·"
SHOWN_DATASETS = 200
LONGEST_NAME = 40


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
        expected: The datasets of which a day without a file is missing.
        cells: What is known, by dataset and day; nothing where nothing was expected and nothing came.
    """

    days: tuple[date, ...]
    datasets: tuple[str, ...]
    expected: tuple[str, ...]
    cells: dict[tuple[str, date], Cell]

    def missing_on(self, day: date) -> tuple[str, ...]:
        """Return the datasets that are missing on a day."""
        return tuple(name for name in self.expected if self.cells[name, day].state == "missing")

    def last_landed(self, dataset: str) -> date | None:
        """Return the last day of the calendar on which a dataset landed."""
        landed = (day for day in reversed(self.days) if (cell := self.cells.get((dataset, day))) and cell.landed)
        return next(landed, None)


def make_calendar(manifests: Iterable[Manifest], start: date, end: date, expected: Sequence[str] = ()) -> Calendar:
    """Make the calendar of a range of days.

    Args:
        manifests: The manifests of the range and of later days, in the order of their writing.
        start: The first day.
        end: The last one.
        expected: Datasets that should land on every day.
    """
    days = tuple(start + timedelta(days=n) for n in range((end - start).days + 1))
    files: dict[tuple[str, date], dict[str, _Seen]] = {}
    for manifest in manifests:
        for file in manifest.files:
            day = file.day or manifest.logical_date
            if not start <= day <= end:
                continue
            there = files.setdefault((file.dataset, day), {})
            if file.landed or not (file.name in there and there[file.name].landed):
                there[file.name] = _Seen.of(file)
    wanted = tuple(dict.fromkeys(expected))
    datasets = wanted + tuple(sorted({dataset for dataset, _ in files} - set(wanted)))
    cells: dict[tuple[str, date], Cell] = {}
    for dataset in datasets:
        cells |= _cells_of(dataset, days, files, dataset in wanted)
    return Calendar(days, datasets, wanted, cells)


def _cells_of(
    dataset: str, days: Sequence[date], files: dict[tuple[str, date], dict[str, _Seen]], expected: bool
) -> dict[tuple[str, date], Cell]:
    cells: dict[tuple[str, date], Cell] = {}
    before: dict[str, str | None] = {}
    for day in days:
        there = files.get((dataset, day), {}).values()
        landed = [file for file in there if file.landed]
        now = {file.known_as: file.sha256 for file in landed}
        if not there:
            if expected:
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
    lines += ["", f"{legend}, `{NOTHING}` nothing came and nothing was expected."]
    lines += ["Unchanged: every byte is that of the landing before. Rejected: at least one file did not land."]
    for title, state in (("Missing", "missing"), ("Rejected", "rejected")):
        found = [line for name in names if (line := _days_in(calendar, name, state))]
        lines += ["", f"## {title}", "", *found] if found else []
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
    since = f"Landed last on {last}." if last else f"Has not landed since {calendar.days[0]}."
    return f"- **{md(dataset)}**: {', '.join(days)}. {since}"


def _fixed(name: str) -> str:
    """Return a dataset's name as it can stand in a block of code, cut where it is very long."""
    return shown(name.replace("`", "'"), LONGEST_NAME)


def _has_trouble(calendar: Calendar, dataset: str) -> bool:
    cells = (calendar.cells.get((dataset, day)) for day in calendar.days)
    return any(cell and cell.state in {"missing", "rejected"} for cell in cells)


def _symbol(cell: Cell | None) -> str:
    return SYMBOLS[cell.state] if cell else NOTHING


def verdict(calendar: Calendar) -> str:
    """Say what is missing on the calendar's last day."""
    day = calendar.days[-1]
    if missing := calendar.missing_on(day):
        more = f" and {len(missing) - 20:,} more" if len(missing) > 20 else ""
        return f"Missing on {day}: {', '.join(map(shown, missing[:20]))}{more}."
    landed = sum(bool((cell := calendar.cells.get((name, day))) and cell.landed) for name in calendar.datasets)
    nothing = "" if calendar.expected else " No dataset is expected: name some in the parameter expected."
    return f"Nothing is missing on {day}; {landed:,} datasets landed.{nothing}"
