from datetime import date

import pytest

from deployments.local.backfill import days, parameters_of


def test_days_of_a_range_cross_the_end_of_february_in_a_leap_year() -> None:
    assert [str(day) for day in days(date(2024, 2, 28), date(2024, 3, 1))] == ["2024-02-28", "2024-02-29", "2024-03-01"]
    assert days(date(2024, 1, 1), date(2024, 1, 1)) == [date(2024, 1, 1)]


def test_days_of_a_range_that_is_the_wrong_way_round_are_refused() -> None:
    with pytest.raises(ValueError, match="ends"):
        days(date(2024, 3, 1), date(2024, 2, 28))


def test_parameters_fill_the_day_into_the_source() -> None:
    assert parameters_of(date(2024, 3, 5), "/in/%Y/%m-%d") == {
        "partition_date": "2024-03-05",
        "source": "/in/2024/03-05",
    }
    assert parameters_of(date(2024, 3, 5), None) == {"partition_date": "2024-03-05"}
