"""What is published is bounded: 200,000 columns, 10,000 files, 10,000 drifted columns, 10 KB names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from flows.lake.errors import LONGEST_MESSAGE
from flows.lake.manifests.drift import find_drift, sentence
from flows.lake.models import ColumnProfile, CsvProfile, DtypeEvidence, FileOutcome, LastLanding
from flows.lake.reports import run_report
from flows.lake.reports.profile_report import MOST_ROWS, format_profile, profile_description, profile_table
from flows.lake.run_models import RunSummary

STATE_BYTES = 20_000


def wide(columns: int, name: str = "c", path: str = "wide.csv") -> CsvProfile:
    made = tuple(ColumnProfile(f"{name}{at}", "int64", 1) for at in range(columns))
    return CsvProfile(Path(path), 1, made, 1, 0, "0" * 64, "AAAAAAAAAAA=", "utf-8", ",")


def summary_of(outcomes: Sequence[FileOutcome], warnings: tuple[str, ...] = ()) -> RunSummary:
    now = datetime.now(UTC)
    return RunSummary("id", "run", Path("/in"), "lake", date(2024, 3, 5), False, outcomes, 0, warnings, 1, 1, now, 1.0)


def test_profile_table_of_200_000_columns_shows_both_ends_and_says_how_many_are_left_out() -> None:
    table = profile_table([wide(200_000)])
    assert len(table) == MOST_ROWS + 1
    assert (table[0]["column"], table[-1]["column"]) == ("c0", "c199999")
    assert "199,000 rows are left out here; the run's manifest has every column" in str(table[800]["column"])


def test_profile_text_of_200_000_columns_is_bounded_and_says_so() -> None:
    text = format_profile(wide(200_000))
    assert len(text) < 100_000
    assert "199,500 columns are left out here; the manifest has each" in text
    assert "c199999" in text


@pytest.mark.parametrize("name", ["n" * 10_000, "\x1b[2J\u202e|<img src=x>`" * 500])
def test_profile_of_columns_with_10_kb_names_is_bounded(name: str) -> None:
    profile = wide(1_000, name)
    assert len(format_profile(profile)) < 200_000
    assert sum(len(str(row)) for row in profile_table([profile])) < 1_000_000


def test_profile_table_cell_of_markdown_is_escaped() -> None:
    column = ColumnProfile(
        "![x](http://evil.example/x.png)", "str", 1, DtypeEvidence(2, "<img src=x>", "is not a number")
    )
    (row,) = profile_table([replace(wide(1), columns=(column,))])
    assert row["column"] == r"!\[x\](http://evil.example/x.png)"
    assert row["why"] == r"line 2: '\<img src=x\>' is not a number"


def test_drift_of_10_000_renamed_columns_is_found_quickly_and_told_briefly() -> None:
    before = wide(20_000)
    now = replace(
        before,
        columns=tuple(
            replace(column, name=f"new{at}") if at % 2 else column for at, column in enumerate(before.columns)
        ),
    )
    drift = find_drift(LastLanding(date(2024, 3, 4), 1, before.columns, "manifest"), now)
    assert {one.kind for one in drift} == {"column renamed"}
    assert len(drift) == 10_000
    assert len(sentence(drift, None)) < 2_000


def test_run_of_10_000_bad_files_has_a_bounded_state_and_artifact() -> None:
    names = (f"{at}" + "x" * 200 + ".csv" for at in range(10_000))
    bad = [FileOutcome(Path(name), "D", "k", "failed", reason=f"{name}: {'why ' * 400}{name}") for name in names]
    summary = summary_of(bad, tuple(f"warning {at}" for at in range(1_000)))
    assert len(run_report.verdict_text(summary)) < STATE_BYTES
    assert len(run_report.run_markdown(summary, lambda key: None)) < 300_000


def test_description_of_a_profile_with_a_10_kb_name_is_bounded() -> None:
    assert len(profile_description([wide(1, path="n" * 10_000)], "today")) < 2_000 < LONGEST_MESSAGE * 2
