"""The words of a backfill: a line for each day, its table, and how it ended."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from flows.lake.words import cut, md

SHOWN_DAYS = 400
_NAMED = 10
_GOOD = frozenset({"Completed", "done before", "no folder"})


@dataclass(frozen=True)
class DayDone:
    """How one day of a backfill ended.

    Attributes:
        day: The day.
        outcome: The state of its run, `done before`, or `no folder`.
        message: What its run said at the end.
        seconds: How long it took.
        run_id: Its run, if there was one.
        trouble: What ended its run before it had dealt with each file; empty where nothing did.
    """

    day: date
    outcome: str
    message: str = ""
    seconds: float = 0.0
    run_id: str | None = None
    trouble: str = ""

    @property
    def is_good(self) -> bool:
        """Whether nothing is to be done about it."""
        return self.outcome in _GOOD


def day_line(done: DayDone) -> str:
    """Say in one line how a day ended."""
    took = f" in {done.seconds:.1f} s" if done.run_id else ""
    return f"{done.day} {done.outcome}{took}" + (f": {cut(done.message, 500)}" if done.message else "")


def verdict(days: Sequence[DayDone], wanted: int) -> str:
    """Say how a backfill ended: how many days, and which failed."""
    counts = Counter(day.outcome for day in days)
    text = (
        f"{len(days):,} day{'s' * (len(days) != 1)}: " + ", ".join(f"{n:,} {what}" for what, n in counts.items()) + "."
    )
    if bad := [str(day.day) for day in days if not day.is_good]:
        more = f" and {len(bad) - _NAMED:,} more" if len(bad) > _NAMED else ""
        text += f" Failed: {', '.join(bad[:_NAMED])}{more}; the run of each says why."
    if len(days) < wanted:
        text += f" {wanted - len(days):,} more were left. Start the same backfill again when the reason is gone."
    return text


def markdown(days: Sequence[DayDone]) -> str:
    """Write the table of a backfill, days that failed first."""
    ordered = sorted(days, key=lambda day: day.is_good)[:SHOWN_DAYS]
    lines = [
        f"# {len(days):,} days",
        "",
        "| Day | Outcome | Seconds | What its run said |",
        "| --- | --- | ---: | --- |",
    ]
    for day in ordered:
        outcome = day.outcome if day.is_good else f"**{day.outcome}**"
        lines.append(f"| {day.day} | {outcome} | {day.seconds:.1f} | {md(cut(day.message, 300))} |")
    if left_out := len(days) - len(ordered):
        lines.append(f"\n… and {left_out:,} more days; the runs below this one tell each.")
    return "\n".join(lines) + "\n"
