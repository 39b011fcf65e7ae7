"""The line of a dataset whose record is not at hand: its strip says what that of its record would say."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from hypothesis import example, given, settings
from hypothesis import strategies as st

from flows.lake.catalog import lines
from flows.lake.catalog.records import DatasetRecord, Day

TODAY = date(2024, 3, 5)
_DAYS = st.integers(-150, 1) | st.sampled_from((-400_000, 400, 36_500))
_RUNS = st.lists(st.tuples(st.integers(0, 5), _DAYS, st.integers(0, 9)), min_size=1, max_size=12)


@settings(max_examples=100, deadline=None)
@given(runs=_RUNS, known=st.integers(0, 6))
@example(runs=[(0, 0, 1), (1, 36_500, 2), (1, 1, 3)], known=1)  # a wrong date in a name, and then a right one
@example(runs=[(0, 36_500, 1), (1, 0, 2)], known=0)
@example(runs=[(0, 0, 1), (1, -100, 2), (1, -30, 3)], known=1)
def test_strip_of_a_dataset_whose_record_is_behind_is_that_of_its_record(
    runs: list[tuple[int, int, int]], known: int
) -> None:
    record, line, today = DatasetRecord(dataset="Orders"), None, TODAY
    for number, (later, back, rows) in enumerate(runs):
        today += timedelta(days=later)
        day = date.fromordinal(max(1, today.toordinal() + back))
        one = Day(ended=datetime(today.year, today.month, today.day, 6, tzinfo=UTC), landed=1, rows=rows)
        record.days[day] = one
        line = lines.line_with(line, day, one, today) if number >= known else lines.summed_up(record)
    assert line
    whole = lines.summed_up(record)
    assert (line.until, line.newest, line.first, line.last) == (whole.until, whole.newest, whole.first, whole.last)
    # What lies before the first day that the line knows, or was to come when it was written, is not in it.
    assert line.states == whole.states[-len(line.states) :]
    assert line.rows_of == whole.rows_of[-len(line.rows_of) :]
