"""The landing calendar: what each cell says, and which days count as missing."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from flows.lake.contracts.rhythm import expected_rhythms
from flows.lake.manifests import manifest
from flows.lake.manifests.landed_days import LandedDays
from flows.lake.manifests.landing_calendar import Calendar, make_calendar
from flows.lake.models import FileOutcome
from flows.lake.reports.calendar_text import calendar_markdown, verdict
from tests.unit.reports.test_run_report import profile, summary

START, END = date(2024, 3, 1), date(2024, 3, 5)


def file(dataset: str, day: int, sha256: str = "", state: Any = "uploaded", name: str = "f.csv") -> FileOutcome:
    key = f"Raw/Local/CSV/{dataset}/2024/03/0{day}/{name}"
    held = replace(profile(name, 10), sha256=hashlib.sha256((sha256 or str(day)).encode()).hexdigest())
    return FileOutcome(Path(name), dataset, key, state, profile=held)


def run(day: int, *files: FileOutcome) -> manifest.Manifest:
    return manifest.of_run(summary(*files, day=date(2024, 3, day)), 1, datetime(2024, 3, day, tzinfo=UTC), {})


def states(*manifests: manifest.Manifest, dataset: str = "A", expected: tuple[str, ...] = ("A",)) -> list[str | None]:
    return states_in(make_calendar(manifests, START, END, expected_rhythms(expected)), dataset)


def states_in(calendar: Calendar, dataset: str = "A") -> list[str | None]:
    cells = (calendar.cells.get((dataset, day)) for day in calendar.days)
    return [cell.state if cell else None for cell in cells]


def of_rhythm(rhythm: str, *landed: date, end: date = date(2024, 3, 31), days: int = 31) -> list[int]:
    """Return the days of March 2024 on which a dataset of a rhythm is missing, which landed on some days only."""
    start = end - timedelta(days=days - 1)
    first = {"A": LandedDays(min(landed), max(landed))} if landed else {}
    calendar = make_calendar([], start, end, expected_rhythms({"A": rhythm}), lambda _: first)
    return [day.day for day in calendar.days if calendar.missing_on(day)]


def test_calendar_cells_say_landed_unchanged_rejected_or_missing() -> None:
    runs = run(1, file("A", 1, "x")), run(2, file("A", 2, "x")), run(4, file("A", 4, "y", "rejected"))
    assert states(*runs) == ["landed", "unchanged", "missing", "rejected", "missing"]


def test_calendar_of_unexpected_dataset_has_no_missing_day() -> None:
    assert states(run(2, file("B", 2)), dataset="B") == [None, "landed", None, None, None]


def test_calendar_of_expected_dataset_that_never_came_has_no_missing_day_and_says_that_it_never_came() -> None:
    calendar = make_calendar([run(5, file("B", 5))], START, END, expected_rhythms(["A", "B"]))
    assert states_in(calendar) == [None] * 5
    assert calendar.never_landed == ("A",)
    assert verdict(calendar) == ("Nothing is missing on 2024-03-05; 1 datasets landed. Expected, but never landed: A.")
    assert "## Never landed\n\nExpected, and not once" in calendar_markdown(calendar, "lake")


def test_calendar_of_lake_made_today_has_no_missing_day() -> None:
    assert states(run(5, file("A", 5))) == [None, None, None, None, "landed"]


def test_calendar_of_expected_dataset_that_never_came_is_missing_since_the_day_stated() -> None:
    calendar = make_calendar([], START, END, expected_rhythms({"A": "daily since 2024-03-04"}))
    assert states_in(calendar) == [None, None, None, "missing", "missing"]
    assert "- **A** (daily since 2024-03-04): 03-05, 03-04. Has never landed." in calendar_markdown(calendar, "lake")


def test_calendar_day_stated_goes_before_an_earlier_first_landing() -> None:
    calendar = make_calendar([run(1, file("A", 1))], START, END, expected_rhythms({"A": "daily since 2024-03-04"}))
    assert states_in(calendar) == ["landed", None, None, "missing", "missing"]


def asked_of(
    manifests: list[manifest.Manifest], expected: Mapping[str, str], landed: date
) -> tuple[list[str], Calendar]:
    """Return of which datasets the landings outside the range are asked, and the calendar; all landed once before."""
    asked: list[str] = []

    def look_up(names: Collection[str]) -> dict[str, LandedDays]:
        asked.extend(names)
        return {name: LandedDays(landed, landed) for name in names}

    return asked, make_calendar(manifests, START, END, expected_rhythms(expected), look_up)


def test_calendar_of_dataset_that_landed_before_the_range_is_missing_every_day_and_says_when_it_came() -> None:
    _, calendar = asked_of([], {"A": "daily"}, date(2023, 12, 31))
    assert states_in(calendar) == ["missing"] * 5
    assert calendar.last_landed("A") == date(2023, 12, 31)
    assert "Landed last on 2023-12-31." in calendar_markdown(calendar, "lake")
    assert calendar.never_landed == ()


def test_calendar_asks_for_first_landings_only_where_the_manifests_do_not_say_enough() -> None:
    runs = [run(1, file("Old", 1)), run(4, file("New", 4), file("Weekly", 4), file("Stated", 4))]
    expected = dict.fromkeys(("Old", "New"), "daily")
    expected |= {"Weekly": "weekly:mon", "Stated": "daily since 2024-03-01", "Rare": "monthly:15"}
    asked, calendar = asked_of(runs, expected, date(2024, 1, 1))
    assert asked == ["New", "Rare"]
    assert states_in(calendar, "New") == ["missing", "missing", "missing", "landed", "missing"]
    assert states_in(calendar, "Weekly") == [None, None, None, "landed", None]


def test_calendar_rejected_file_before_the_first_landing_starts_nothing() -> None:
    runs = run(1, file("A", 1, "x", "rejected")), run(4, file("A", 4))
    assert states(*runs) == ["rejected", None, None, "landed", "missing"]


@pytest.mark.parametrize(
    ("rhythm", "missing"),
    [
        ("weekdays", [1, 4, 5, 6, 7, 8, 11, 12, 13, 14, 15, 18, 19, 20, 21, 22, 25, 26, 27, 28, 29]),
        ("weekly:mon", [4, 11, 18, 25]),
        ("weekly:sun since 2024-03-10", [10, 17, 24, 31]),
        ("monthly:1", [1]),
        ("monthly:31", [31]),
        ("monthly:1 since 2024-03-02", []),
        ("daily since 2024-03-30", [30, 31]),
        ("daily since 2025-01-01", []),
    ],
)
def test_calendar_days_are_missing_by_the_rhythm(rhythm: str, missing: list[int]) -> None:
    assert of_rhythm(rhythm, date(2020, 1, 1)) == missing


@pytest.mark.parametrize(
    ("end", "due"), [(date(2024, 2, 29), [29]), (date(2023, 2, 28), [28]), (date(2024, 4, 30), [30])]
)
def test_calendar_day_that_a_month_does_not_have_is_its_last(end: date, due: list[int]) -> None:
    assert of_rhythm("monthly:31", date(2020, 1, 1), end=end, days=end.day) == due


def test_calendar_day_of_the_first_landing_itself_is_not_missing() -> None:
    """A run that is still at work has stored its files, and has no manifest yet."""
    assert of_rhythm("daily", date(2024, 3, 30)) == [31]


def test_calendar_of_dataset_that_lands_on_another_day_than_its_own_misses_its_own() -> None:
    calendar = make_calendar([run(5, file("A", 5))], START, END, expected_rhythms({"A": "weekly:mon since 2024-01-01"}))
    assert states_in(calendar) == [None, None, None, "missing", "landed"]


def test_calendar_second_run_of_a_day_does_not_make_it_unchanged() -> None:
    assert states(run(1, file("A", 1, "x")), run(1, file("A", 1, "x", "unchanged")))[0] == "landed"


def test_calendar_file_that_landed_after_it_was_rejected_has_landed_and_stays_so() -> None:
    rejected, landed = run(1, file("A", 1, "x", "rejected")), run(1, file("A", 1, "y"))
    assert states(rejected, landed)[0] == "landed"
    assert states(landed, rejected)[0] == "landed"


def test_calendar_unchanged_compares_with_the_last_landing_and_not_with_a_rejected_day() -> None:
    runs = run(1, file("A", 1, "x")), run(2, file("A", 2, "z", "rejected")), run(3, file("A", 3, "x"))
    assert states(*runs)[:3] == ["landed", "rejected", "unchanged"]


def test_calendar_files_of_many_days_in_one_run_are_on_their_own_days() -> None:
    assert states(run(5, file("A", 1), file("A", 2), file("A", 4))) == [
        "landed", "landed", "missing", "landed", "missing",
    ]  # fmt: skip


def test_calendar_one_bad_file_among_several_shows_how_many() -> None:
    files = file("A", 5), file("A", 5, state="failed", name="g.csv")
    calendar = make_calendar([run(5, *files)], START, END, expected_rhythms({"A": "daily since 2024-03-01"}))
    assert (calendar.cells["A", END].landed, calendar.cells["A", END].bad) == (1, 1)
    text = calendar_markdown(calendar, "lake")
    assert "A  ?  ?  ?  ?  ✗\n" in text
    assert "- **A**: 03-05 (1 of 2 files). Landed last on 2024-03-05." in text


def test_calendar_markdown_and_verdict_name_what_is_missing() -> None:
    expected = expected_rhythms({"B": "daily since 2024-03-01", "A|x": "daily since 2024-03-01"})
    calendar = make_calendar([run(3, file("A|x", 3), file("B", 5))], START, END, expected)
    text = calendar_markdown(calendar, "lake")
    assert "\n    01 02 03 04 05\n" in text
    assert "\nB    ?  ?  ?  ?  ✓\n" in text
    assert "- **A\\|x** (daily since 2024-03-01): 03-05, 03-04, 03-02, 03-01. Landed last on 2024-03-03." in text
    assert verdict(calendar) == "Missing on 2024-03-05: A|x."


def test_calendar_without_expectations_says_how_to_have_some() -> None:
    assert "name some in the parameter expected" in verdict(make_calendar([], START, END))
