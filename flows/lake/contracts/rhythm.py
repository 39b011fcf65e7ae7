"""How often a dataset should land, as a person writes it: `daily`, `weekdays`, `weekly:mon`, `monthly:1`.

`weekly:mon since 2024-01-01` says from which day on. Without that a dataset is expected from its first landing on
(`flows.lake.manifests.landing_calendar`), so a new one has no missing past.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, time, timedelta
from typing import NoReturn

from flows.lake import keys
from flows.lake.errors import SettingsError
from flows.lake.words import quoted

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_NAMES = {short: number for number, short in enumerate(WEEKDAYS)} | {
    name: number
    for number, name in enumerate(("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"))
}
_LEAST_DAYS, _LEAST_OF_A_WEEK = 3, 5
_LONGEST_SPAN_DAYS = 36_600
_FORMS = "daily, weekdays, weekly:mon or monthly:1, and after it since 2024-01-01 if it began on a certain day"


@dataclass(frozen=True)
class Rhythm:
    """The days on which a dataset should land.

    Attributes:
        text: The rhythm as it was written, without its `since`.
        weekdays: The days of the week, Monday is 0; all of them where the day of the month decides.
        month_day: The day of the month; in a month that has fewer days the last one.
        since: The first day that counts, where one is stated.
        by: The time of day before which nothing is missing.
    """

    text: str = "daily"
    weekdays: frozenset[int] = frozenset(range(7))
    month_day: int | None = None
    since: date | None = None
    by: time | None = None

    def is_due(self, day: date) -> bool:
        """Return whether the dataset should land on a day, as far as its rhythm goes."""
        if self.since and day < self.since:
            return False
        if self.month_day is not None:
            return day.day == min(self.month_day, monthrange(day.year, day.month)[1])
        return day.weekday() in self.weekdays


def parse_rhythm(text: str) -> Rhythm:
    """Read a rhythm.

    Raises:
        ValueError: Says which part of the text is wrong, and what can stand there.
    """
    word, *rest = re.sub(r"\s*:\s*", ":", text.lower()).split() or [""]
    rhythm = _rhythm(word) or _unknown(text)
    return replace(rhythm, since=_since(rest)) if rest else rhythm


def _rhythm(word: str) -> Rhythm | None:
    kind, colon, on = word.partition(":")
    if kind in {"daily", "weekdays"}:
        if colon:
            raise ValueError(f"{quoted(word)}: {kind} takes no day")
        return Rhythm(word, frozenset(range(7 if kind == "daily" else 5)))
    if kind == "weekly":
        if on not in _NAMES:
            raise ValueError(f"{quoted(word)}: weekly needs a day of the week after a colon: {', '.join(WEEKDAYS)}")
        return Rhythm(word, frozenset({_NAMES[on]}))
    if kind == "monthly":
        if not (on.isascii() and on.isdigit() and len(on) <= 2 and 1 <= int(on) <= 31):
            raise ValueError(
                f"{quoted(word)}: monthly needs a day after a colon, 1 to 31 (31 is the last of each month)"
            )
        return Rhythm(word, month_day=int(on))
    return None


def _unknown(text: str) -> NoReturn:
    raise ValueError(f"{quoted(text)} is not a rhythm: write {_FORMS}")


def _since(words: Sequence[str]) -> date:
    if words[0] != "since" or len(words) != 2:
        raise ValueError(f"{quoted(' '.join(words))}: after the rhythm only a day can stand, such as since 2024-01-01")
    try:
        return date.fromisoformat(words[1])
    except ValueError:
        raise ValueError(f"since {quoted(words[1])} is not a day of the calendar, such as 2024-01-01") from None


def rhythm_of(days: Collection[date]) -> str | None:
    """Return the rhythm that some days have, as a contract has it in `expect`; `None` where they show none for certain.

    Nine of ten days of the rhythm must be there, and no other. Files of a working week may be daily or of weekdays:
    that shows with the first week-end.
    """
    several = sorted(set(days))
    if len(several) < _LEAST_DAYS:
        return None
    first, last = several[0], several[-1]
    if (last - first).days > _LONGEST_SPAN_DAYS:
        return None
    between = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    texts = ["daily"] if any(day.weekday() >= 5 for day in several) else ["weekdays"] * (len(between) > 7)
    texts *= len(several) >= _LEAST_OF_A_WEEK
    texts.append(f"weekly:{WEEKDAYS[first.weekday()]}")
    texts += [f"monthly:{first.day}"] + ["monthly:31"] * (first.day > 27)
    for text in texts:
        rhythm = parse_rhythm(text)
        due = {day for day in between if rhythm.is_due(day)}
        if due.issuperset(several) and len(several) >= 0.9 * len(due):
            return text
    return None


def expected_rhythms(given: Mapping[str, str] | Sequence[str] | None) -> dict[str, Rhythm]:
    """Read the parameter `expected`: dataset to rhythm, or a list of datasets, daily or as in `Orders: weekly:mon`.

    The list is what deployments of older versions have, and what the form of Prefect's V2 pages can edit: it shows no
    field for a mapping where a parameter may also be something else.

    Raises:
        SettingsError: Names every dataset whose entry is wrong, and which part of it.
    """
    texts = given if isinstance(given, Mapping) else dict(map(_entry, given or ()))
    rhythms: dict[str, Rhythm] = {}
    problems: list[str] = []
    for dataset, text in texts.items():
        if wrong := keys.check_dataset_name(dataset):
            problems.append(f"the name {quoted(dataset)} {wrong}")
            continue
        try:
            rhythms[dataset] = parse_rhythm(text)
        except ValueError as error:
            problems.append(f"{quoted(dataset)}: {error}")
    if problems:
        count = f"{len(problems):,} entries are" if len(problems) > 1 else "1 entry is"
        remedy = 'Correct the parameter, such as {"Movies": "daily", "Orders": "weekly:mon since 2024-01-01"}.'
        raise SettingsError(f"expected: {count} wrong: {'; '.join(problems)}.", remedy=remedy)
    return rhythms


def _entry(text: str) -> tuple[str, str]:
    dataset, colon, rhythm = text.rpartition(": ")
    return (dataset, rhythm) if colon else (text, "daily")
