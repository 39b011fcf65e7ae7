"""What of a lake needs a person, the most pressing first."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from flows.lake.catalog.records import DatasetLine, LakeRecord
from flows.lake.contracts.rhythm import parse_rhythm

SHOWN_NEEDS = 50
DAYS_TOLD = 7
"""Days for which files that did not land are told, though others have landed on later days."""
MONTHS_BACK = 62
"""Days that are looked at for one on which a dataset was due."""
_RANKS = ("run", "rejected", "ahead", "late", "unreadable", "drifted", "sensitive")


@dataclass(frozen=True)
class Need:
    """Something that a person should look at.

    Attributes:
        kind: rejected, ahead, late, drifted, sensitive, unreadable or run.
        dataset: The dataset concerned, if it is one.
        values: What the text of its kind is filled with.
        note: Why, in the words of the run that found it.
        has_page: Whether the dataset has a page.
    """

    kind: str
    dataset: str | None = None
    values: tuple[str, ...] = ()
    note: str = ""
    has_page: bool = False


def late_since(line: DatasetLine, today: date) -> date | None:
    """Return the first day since its last landing on which a dataset was due and did not come; today is not over."""
    if not line.expect or line.last is None:
        return None
    try:
        rhythm = parse_rhythm(line.expect)
    except ValueError:
        return None
    start = max(_last_landed(line, today) + timedelta(days=1), today - timedelta(days=MONTHS_BACK))
    return next((day for n in range((today - start).days) if rhythm.is_due(day := start + timedelta(days=n))), None)


def _last_landed(line: DatasetLine, today: date) -> date:
    """Return the last day up to today on which a dataset landed: a wrong date in a name may be one to come."""
    if line.last is not None and line.last <= today:
        return line.last
    landed = (number for number, letter in enumerate(reversed(line.states)) if letter not in ".r")
    days = (line.until - timedelta(days=number) for number in landed)
    return next((day for day in days if day <= today), date.min)


def needs_of(lake: LakeRecord, today: date) -> tuple[list[Need], int]:
    """Return what needs a person, and how much more there is than is shown."""
    found = [Need("unreadable", note=why) for why in lake.unreadable.values()]
    if lake.runs and any(lake.runs[0].outcomes.get(bad) for bad in ("rejected", "failed")):
        found.append(Need("run", values=(lake.runs[0].name,)))
    for name, line in lake.datasets.items():
        if line.state in ("rejected", "drifted"):
            found.append(Need(line.state, name, (str(line.newest),), line.note, line.has_page))
        last = line.states[-DAYS_TOLD:]
        if line.state != "rejected" and "r" in last:  # a good day after it has not landed what was rejected
            failed = line.until - timedelta(days=len(last) - 1 - last.rindex("r"))
            found.append(Need("rejected", name, (str(failed),), has_page=line.has_page))
        if line.newest > today + timedelta(days=1):  # tomorrow may have begun where its runs are
            found.append(Need("ahead", name, (str(line.newest),), has_page=line.has_page))
        if day := late_since(line, today):
            found.append(Need("late", name, (str(day), line.expect or ""), has_page=line.has_page))
        if line.sensitive:
            found.append(Need("sensitive", name, (str(line.sensitive),), has_page=line.has_page))
    found.sort(key=lambda need: (_RANKS.index(need.kind), need.dataset or ""))
    return found[:SHOWN_NEEDS], max(0, len(found) - SHOWN_NEEDS)
