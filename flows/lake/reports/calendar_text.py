"""The words of the landing calendar: its Markdown, and what is missing in a sentence."""

from __future__ import annotations

from collections.abc import Sequence

from flows.lake.contracts.rhythm import Rhythm
from flows.lake.manifests.landing_calendar import Calendar, Cell, CellState
from flows.lake.words import md, shown

SYMBOLS: dict[CellState, str] = {"landed": "✓", "unchanged": "=", "rejected": "✗", "missing": "?"}
NOTHING = "·"
SHOWN_DATASETS = 200
LONGEST_NAME = 40
SHOWN_NAMES = 20


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
        day_lines = [line for name in names if (line := _days_in(calendar, name, state))]
        lines += ["", f"## {title}", "", *day_lines] if day_lines else []
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
        text = f"Missing on {day}: {named(missing)}."
    else:
        landed = sum(bool((cell := calendar.cells.get((name, day))) and cell.landed) for name in calendar.datasets)
        text = f"Nothing is missing on {day}; {landed:,} datasets landed."
    if not calendar.expected:
        text += " No dataset is expected: name some in the parameter expected."
    return text + (f" Expected, but never landed: {named(never)}." if never else "")


def named(names: Sequence[str]) -> str:
    """Return the first names of a list, as they can stand in a sentence, and how many more there are."""
    more = f" and {len(names) - SHOWN_NAMES:,} more" if len(names) > SHOWN_NAMES else ""
    return ", ".join(map(shown, names[:SHOWN_NAMES])) + more
