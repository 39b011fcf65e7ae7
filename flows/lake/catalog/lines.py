"""A dataset as a line of the lake's page, and the states of its days; what is said of a change or of a file."""

from __future__ import annotations

from datetime import date

from flows.lake.catalog.records import Change, DatasetLine, DatasetRecord, Day, DayState, FileLine
from flows.lake.words import shown

STRIP_DAYS = 60
_LONGEST_TEXT = 500
_LETTERS: dict[DayState, str] = {"landed": "l", "unchanged": "u", "drifted": "d", "rejected": "r"}
STATE_OF = {letter: state for state, letter in _LETTERS.items()}


def _ordinals(until: date, count: int) -> range:
    return range(until.toordinal() - count + 1, until.toordinal() + 1)


def states_of(days: dict[date, Day]) -> dict[date, DayState]:
    """Return the state of each day, in their order."""
    order = sorted(days)
    found: dict[date, DayState] = {}
    landed_before = ""
    for day in order:
        one = days[day]
        if one.bad:
            found[day] = "rejected"
        elif one.changes:
            found[day] = "drifted"
        else:
            found[day] = "unchanged" if one.content and one.content == landed_before else "landed"
        landed_before = one.content or landed_before
    return found


def summed_up(record: DatasetRecord) -> DatasetLine:
    """Return the dataset as a line of the lake's page."""
    days, states = record.days, states_of(record.days)
    order = sorted(days)
    landed = [day for day in order if days[day].landed]
    newest = order[-1]
    until = last_day(days)
    window = [date.fromordinal(until.toordinal() - back) for back in range(min(STRIP_DAYS, until.toordinal()))][::-1]
    return DatasetLine(
        first=landed[0] if landed else None,
        last=landed[-1] if landed else None,
        newest=newest,
        state=states[newest],
        days=len(landed),
        rows=sum(day.rows for day in days.values()),
        size_bytes=sum(day.size_bytes for day in days.values()),
        files=sum(day.landed for day in days.values()),
        until=until,
        states="".join(_LETTERS[states[day]] if day in states else "." for day in window),
        rows_of=[days[day].rows if day in days else 0 for day in window],
        note=_note(record, newest),
        taken=sum(len(day.manifests) for day in days.values()),
        has_page=True,
        sensitive=sum(bool(column.sensitive and not column.masked) for column in record.columns.values()),
        expect=record.expect,
        newest_day=days[newest].model_copy(update={"manifests": days[newest].manifests[-5:]}),
        latest=[key for day in order[-10:] for key in days[day].manifests][-10:],
    )


def last_day(days: dict[date, Day]) -> date:
    """Return the day with which the strip ends: the newest, but for days that were to come when their runs ended."""
    today = max(one.ended for one in days.values()).date().toordinal() + 1  # in any time zone
    return max((day for day in days if day.toordinal() <= today), default=max(days))


def line_with(line: DatasetLine | None, day: date, one: Day, since: date) -> DatasetLine:
    """Return a line of the lake's page with a day more, for a dataset whose record is not at hand.

    Rows of a day that is told of twice are counted once; its files and bytes are, where it is the newest day.

    Args:
        line: The line as it was.
        day: The day.
        one: What landed on it.
        since: The day of the manifest that says so.
    """
    states: DayState = "rejected" if one.bad else "drifted" if one.changes else "landed"
    if line is None:
        return _first_line(day, one, since, states)
    letters = dict(zip(_ordinals(line.until, len(line.states)), line.states, strict=True))
    rows = dict(zip(_ordinals(line.until, len(line.rows_of)), line.rows_of, strict=True))
    at, is_newest = day.toordinal(), day >= line.newest
    before = line.newest_day if day == line.newest else Day(ended=one.ended, rows=rows.get(at, 0))
    known = day == line.newest or letters.get(at, ".") != "."
    if is_newest and one.content and one.content == line.newest_day.content and states == "landed":
        states = "unchanged" if day > line.newest else line.state
    letters[at], rows[at] = _LETTERS[states], one.rows
    until = max(line.until, day)
    window = range(until.toordinal() - STRIP_DAYS + 1, until.toordinal() + 1)
    least = min(letters)
    kept = [of for of in window if of >= least]
    return line.model_copy(
        update={
            "first": min(line.first or day, day) if one.landed else line.first,
            "last": max(line.last or day, day) if one.landed else line.last,
            "newest": max(line.newest, day),
            "state": states if is_newest else line.state,
            "days": line.days + (not known and bool(one.landed)),
            "rows": max(0, line.rows + one.rows - before.rows),
            "size_bytes": max(0, line.size_bytes + one.size_bytes - before.size_bytes),
            "files": max(0, line.files + one.landed - before.landed),
            "until": until,
            "states": "".join(letters.get(of, ".") for of in kept),
            "rows_of": [rows.get(of, 0) for of in kept],
            "note": "",
            "newest_day": one if is_newest else line.newest_day,
            "behind": min(line.behind or day, day, since),
        }
    )


def _first_line(day: date, one: Day, since: date, state: DayState) -> DatasetLine:
    """Return the line of a dataset that nothing was known of; thousands may come at once, and all is checked by now."""
    landed_on = day if one.landed else None
    return DatasetLine.model_construct(
        first=landed_on,
        last=landed_on,
        newest=day,
        state=state,
        days=int(bool(one.landed)),
        rows=one.rows,
        size_bytes=one.size_bytes,
        files=one.landed,
        until=day,
        states=_LETTERS[state],
        rows_of=[one.rows],
        newest_day=one,
        latest=[],
        behind=min(day, since),
    )


def _note(record: DatasetRecord, newest: date) -> str:
    """Return why the newest day needs a look, in a sentence."""
    for line in record.files.get(newest, {}).values():
        if not line.landed and line.reason:
            return reason_of(line, record)
    for change in reversed(record.changes):
        if change.day == newest:
            return f"{shown(change.file)}: {text_of(change, record)}"
    return ""


def reason_of(line: FileLine, record: DatasetRecord) -> str:
    """Return why a file did not land, if that cannot quote a cell of data that were masked only later."""
    if not line.masked and any(column.masked for column in record.columns.values()):
        return f"{shown(line.name)} did not land; its manifest says why."
    return shown(line.reason or "", _LONGEST_TEXT)


def text_of(change: Change, record: DatasetRecord) -> str:
    """Return a change as a sentence, without the cell that caused it where that may be one of a masked column.

    The change may be older than the rule, and its column may have had another name then.
    """
    text, column = change.text, record.columns.get(change.column or "")
    has_hidden = any(one.masked or one.sensitive for one in record.columns.values())
    is_seen = column and column.spans and record.columns_day == column.spans[-1].last
    if has_hidden and (not (column and is_seen) or column.masked or column.sensitive):
        text = text.partition(" (line ")[0]
    return shown(text, _LONGEST_TEXT)
