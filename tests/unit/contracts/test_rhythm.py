"""Rhythms as people write them: what each means, and which part of a wrong one is named."""

from __future__ import annotations

from datetime import date

import pytest

from flows.lake.contracts.rhythm import expected_rhythms, parse_rhythm
from flows.lake.errors import SettingsError

DAYS = [date(2024, 2, number) for number in range(1, 30)]


@pytest.mark.parametrize(
    ("text", "due"),
    [
        ("daily", list(range(1, 30))),
        ("weekdays", [day.day for day in DAYS if day.weekday() < 5]),
        ("weekly:mon", [5, 12, 19, 26]),
        ("  Weekly : Monday  ", [5, 12, 19, 26]),
        ("weekly:SUN since 2024-02-11", [11, 18, 25]),
        ("monthly:1", [1]),
        ("monthly:15", [15]),
        ("monthly:30", [29]),
        ("monthly:31 since 2024-03-01", []),
    ],
)
def test_rhythm_says_on_which_days_a_dataset_is_due(text: str, due: list[int]) -> None:
    rhythm = parse_rhythm(text)
    assert [day.day for day in DAYS if rhythm.is_due(day)] == due


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "'' is not a rhythm: write daily, weekdays, weekly:mon or monthly:1"),
        ("hourly", "'hourly' is not a rhythm"),
        ("every monday", "'every monday' is not a rhythm"),
        ("since 2024-01-01", "'since 2024-01-01' is not a rhythm"),
        ("weekly", "'weekly': weekly needs a day of the week after a colon: mon, tue"),
        ("weekly:mo", "'weekly:mo': weekly needs a day of the week"),
        ("weekly:mon,thu", "'weekly:mon,thu': weekly needs a day of the week"),
        ("weekdays:mon", "'weekdays:mon': weekdays takes no day"),
        ("monthly", "monthly needs a day after a colon, 1 to 31"),
        ("monthly:0", "'monthly:0': monthly needs"),
        ("monthly:32", "'monthly:32': monthly needs"),
        ("monthly:-1", "'monthly:-1': monthly needs"),
        ("monthly:¹", "'monthly:¹': monthly needs"),
        ("daily from 2024-01-01", "'from 2024-01-01': after the rhythm only a day can stand, such as since 2024-01-01"),
        ("daily since", "'since': after the rhythm only a day"),
        ("daily since 2024-02-30", "since '2024-02-30' is not a day of the calendar"),
        ("daily since 01/02/2024", "since '01/02/2024' is not a day of the calendar"),
        ("daily\x1b[31m", r"'daily\x1b[31m' is not a rhythm"),
    ],
)
def test_rhythm_that_is_wrong_is_refused_and_the_wrong_part_named(text: str, said: str) -> None:
    with pytest.raises(ValueError) as caught:
        parse_rhythm(text)
    assert said in str(caught.value)


def test_expected_names_every_dataset_whose_entry_is_wrong() -> None:
    with pytest.raises(SettingsError) as caught:
        expected_rhythms({"A": "daily", "B": "weekly", "C": "daily since x", "a/b": "daily", "": "daily"})
    said = str(caught.value)
    assert said.startswith("expected: 4 entries are wrong: ")
    assert all(part in said for part in ("'B': 'weekly'", "'C': since 'x'", "'a/b' holds a slash", "'' is empty"))
    assert "'A'" not in said


def test_expected_as_a_list_means_daily_as_deployments_of_older_versions_have_it() -> None:
    assert expected_rhythms(["A", "B", "A"]) == {"A": parse_rhythm("daily"), "B": parse_rhythm("daily")}
    assert expected_rhythms(None) == expected_rhythms({}) == expected_rhythms([]) == {}


def test_expected_with_thousands_of_wrong_entries_says_how_many_and_stays_short() -> None:
    with pytest.raises(SettingsError) as caught:
        expected_rhythms({f"D{number}": "x" * 5_000 for number in range(5_000)})
    assert str(caught.value).startswith("expected: 5,000 entries are wrong: 'D0': 'xxx")
    assert len(str(caught.value)) < 10_000


def test_expected_as_a_list_can_name_rhythms_as_the_form_of_the_v2_pages_needs() -> None:
    given = ["Movies", "Orders: weekly:mon since 2024-01-01", "a: b: monthly:1", "C:daily"]
    assert expected_rhythms(given) == expected_rhythms(
        {"Movies": "daily", "Orders": "weekly:mon since 2024-01-01", "a: b": "monthly:1", "C:daily": "daily"}
    )
    with pytest.raises(SettingsError, match="'Orders': 'wekly:mon' is not a rhythm"):
        expected_rhythms(["Orders: wekly:mon"])
