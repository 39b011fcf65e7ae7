"""The section of a run's artifact on earlier runs."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from flows.lake.manifests.history import SHOWN_DAYS, DatasetRun
from flows.lake.reports.history_text import history_markdown, plot

DAY = date(2024, 3, 14)


def run(ago: int, rows: int, dataset: str = "A", drift: tuple[str, ...] = (), bad: int = 0) -> DatasetRun:
    return DatasetRun(dataset, DAY - timedelta(days=ago), "run", 1, bad, rows, rows * 10, drift, len(drift))


@pytest.mark.parametrize(
    ("rows", "line"),
    [
        ([800], "·" * 13 + "█"),
        ([800, 400], "·" * 12 + "▅█"),
        ([1, 1000], "·" * 12 + "█▁"),
        ([0, 0], "·" * 12 + "▁▁"),
        (list(range(20, 0, -1)), "▃▄▄▅▅▅▆▆▇▇▇███"),
    ],
)
def test_plot_draws_from_zero_with_the_last_day_at_the_right(rows: list[int], line: str) -> None:
    assert plot([run(ago, count) for ago, count in enumerate(rows)], DAY) == line
    assert len(line) == SHOWN_DAYS


def test_plot_of_a_day_without_a_run_shows_a_gap_and_of_two_the_newest() -> None:
    assert plot([run(0, 10), run(0, 1), run(2, 10)], DAY).endswith("█·█")


def test_history_of_a_first_run_is_empty() -> None:
    assert history_markdown([run(0, 5)], [run(1, 5, "Other")]) == ""


def test_history_lists_the_last_runs_of_this_runs_datasets_changed_ones_first() -> None:
    now = [run(0, 1000), run(0, 20, "B|c", ("f.csv: column 'x' is new", "b", "c", "d"), bad=1)]
    text = history_markdown(
        now, [run(1, 900), run(1, 10, "B|c"), run(1, 7, "Other"), *(run(n, 1) for n in range(2, 9))]
    )
    rows = [line for line in text.splitlines() if line.startswith("|")][2:]
    assert "- f.csv: column 'x' is new\n- b\n- c\n- d\n" in text
    assert rows[0] == "| B\\|c | ············▅█ | 2024-03-14 | 20 | 200 B | **1 did not land** |"
    assert rows[1] == "|  |  | 2024-03-13 | 10 | 100 B |  |"
    assert rows[2] == "| A | ·····▁▁▁▁▁▁▁██ | 2024-03-14 | 1,000 | 10.0 KB |  |"
    assert len(rows) == 2 + 7
    assert "Other" not in text
