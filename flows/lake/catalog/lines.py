"""A dataset as a line of the lake's page, and the states of its days; what is said of a change or of a file."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import date, datetime
from typing import TypeVar

from flows.lake.catalog.records import Change, DatasetLine, DatasetRecord, Day, DayState, FileLine
from flows.lake.words import shown

STRIP_DAYS = 60
_LONGEST_TEXT = 500
_LETTERS: dict[DayState, str] = {"landed": "l", "unchanged": "u", "drifted": "d", "rejected": "r"}
STATE_OF = {letter: state for state, letter in _LETTERS.items()}

_Days = TypeVar("_Days", str, list[int])


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
        newest_day=replace(days[newest], manifests=days[newest].manifests[-5:]),
        latest=[key for day in order[-10:] for key in days[day].manifests][-10:],
    )


def last_day(days: dict[date, Day]) -> date:
    """Return the day with which the strip ends: the newest, but for days that were to come when their runs ended."""
    return _last(days, max(one.ended for one in days.values()))


def _last(days: Collection[date], now: datetime) -> date:
    """Return the last of some days that was not to come at a moment; the last of all where each was."""
    today = now.toordinal() + 1  # in any time zone
    return max((day for day in days if day.toordinal() <= today), default=None) or max(days)


def line_with(line: DatasetLine | None, day: date, one: Day, since: date) -> DatasetLine:
    """Return a line of the lake's page with a day more, for a dataset whose record is not at hand.

    Rows of a day that is told of twice are counted once; its files and bytes are, where it is the newest day.

    Args:
        line: The line as it was.
        day: The day.
        one: What landed on it.
        since: The day of the manifest that says so.
    """
    state: DayState = "rejected" if one.bad else "drifted" if one.changes else "landed"
    if line is None:
        return _first_line(day, one, since, state)
    is_newest, at = day >= line.newest, day.toordinal() - line.until.toordinal() - 1
    newest_day = one if is_newest else line.newest_day
    if is_newest and state == "landed" and one.content and one.content == line.newest_day.content:
        state = "unchanged" if day > line.newest else line.state
    if day == line.newest:
        before = line.newest_day
        if before.bad and before.names != one.names:  # a run of other files does not say that these have landed
            state, newest_day = "rejected", before
        is_known, rows_before, size_before, files_before = True, before.rows, before.size_bytes, before.landed
    else:
        is_known = -len(line.states) <= at < 0 and line.states[at] != "."
        rows_before = line.rows_of[at] if -len(line.rows_of) <= at < 0 else 0
        size_before = files_before = 0
    until = _last((line.until, day), max(line.newest_day.ended, one.ended))
    return DatasetLine(  # not `replace`, which takes twice as long for ten thousand of them
        first=min(line.first or day, day) if one.landed else line.first,
        last=max(line.last or day, day) if one.landed else line.last,
        newest=max(line.newest, day),
        newest_day=newest_day,
        state=state if is_newest else line.state,
        days=line.days + (not is_known and bool(one.landed)),
        rows=max(0, line.rows + one.rows - rows_before),
        size_bytes=max(0, line.size_bytes + one.size_bytes - size_before),
        files=max(0, line.files + one.landed - files_before),
        until=until,
        states=_with(line.states, line.until, day, until, _LETTERS[state], "."),
        rows_of=_with(line.rows_of, line.until, day, until, [one.rows], [0]),
        behind=min(line.behind or day, day, since),
        sensitive=line.sensitive,
        expect=line.expect,
        latest=line.latest,
        taken=line.taken,
        has_page=line.has_page,
    )


def _first_line(day: date, one: Day, since: date, state: DayState) -> DatasetLine:
    """Return the line of a dataset that nothing was known of."""
    landed_on = day if one.landed else None
    return DatasetLine(
        newest=day,
        state=state,
        until=day,
        newest_day=one,
        first=landed_on,
        last=landed_on,
        days=int(bool(one.landed)),
        rows=one.rows,
        size_bytes=one.size_bytes,
        files=one.landed,
        states=_LETTERS[state],
        rows_of=[one.rows],
        behind=min(day, since),
    )


def _with(held: _Days, until: date, day: date, last: date, value: _Days, nothing: _Days) -> _Days:
    """Return what is kept of each of the last days, with another day.

    Args:
        held: What is kept, a letter or number a day.
        until: The day of its last.
        day: The other day.
        last: The day of the last afterwards.
        value: What is kept of the other day.
        nothing: What stands for a day without anything.
    """
    further = last.toordinal() - until.toordinal()
    held = held + nothing * min(further, STRIP_DAYS) if further >= 0 else held[:further]
    back = last.toordinal() - day.toordinal()
    if 0 <= back < STRIP_DAYS:
        held = nothing * (back + 1 - len(held)) + held
        place = len(held) - 1 - back
        held = held[:place] + value + held[place + 1 :]
    return held[-STRIP_DAYS:]


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
