"""The landing calendar: what each cell says, and which days count as missing."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from flows.lake.manifests import manifest
from flows.lake.manifests.landing_calendar import calendar_markdown, make_calendar, verdict
from flows.lake.models import FileOutcome
from tests.unit.reports.test_run_report import profile, summary

START, END = date(2024, 3, 1), date(2024, 3, 5)


def file(dataset: str, day: int, sha256: str = "", state: Any = "uploaded", name: str = "f.csv") -> FileOutcome:
    key = f"Raw/Local/CSV/{dataset}/2024/03/0{day}/{name}"
    held = replace(profile(name, 10), sha256=hashlib.sha256((sha256 or str(day)).encode()).hexdigest())
    return FileOutcome(Path(name), dataset, key, state, profile=held)


def run(day: int, *files: FileOutcome) -> manifest.Manifest:
    return manifest.of_run(summary(*files, day=date(2024, 3, day)), 1, datetime(2024, 3, day, tzinfo=UTC), {})


def states(*manifests: manifest.Manifest, dataset: str = "A", expected: tuple[str, ...] = ("A",)) -> list[str | None]:
    calendar = make_calendar(manifests, START, END, expected)
    cells = (calendar.cells.get((dataset, day)) for day in calendar.days)
    return [cell.state if cell else None for cell in cells]


def test_calendar_cells_say_landed_unchanged_rejected_or_missing() -> None:
    runs = run(1, file("A", 1, "x")), run(2, file("A", 2, "x")), run(4, file("A", 4, "y", "rejected"))
    assert states(*runs) == ["landed", "unchanged", "missing", "rejected", "missing"]


def test_calendar_of_unexpected_dataset_has_no_missing_day() -> None:
    assert states(run(2, file("B", 2)), dataset="B") == [None, "landed", None, None, None]


def test_calendar_of_expected_dataset_that_never_came_is_missing_every_day() -> None:
    assert states() == ["missing"] * 5


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
    calendar = make_calendar([run(5, *files)], START, END, ["A"])
    assert (calendar.cells["A", END].landed, calendar.cells["A", END].bad) == (1, 1)
    text = calendar_markdown(calendar, "lake")
    assert "A  ?  ?  ?  ?  ✗\n" in text
    assert "- **A**: 03-05 (1 of 2 files). Landed last on 2024-03-05." in text


def test_calendar_markdown_and_verdict_name_what_is_missing() -> None:
    calendar = make_calendar([run(3, file("A|x", 3), file("B", 5))], START, END, ["B", "A|x"])
    text = calendar_markdown(calendar, "lake")
    assert "\n    01 02 03 04 05\n" in text
    assert "\nB    ?  ?  ?  ?  ✓\n" in text
    assert "- **A\\|x**: 03-05, 03-04, 03-02, 03-01. Landed last on 2024-03-03." in text
    assert verdict(calendar) == "Missing on 2024-03-05: A|x."


def test_calendar_without_expectations_says_how_to_have_some() -> None:
    assert "name some in the parameter expected" in verdict(make_calendar([], START, END))
