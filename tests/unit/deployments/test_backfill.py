"""What `make backfill` asks of the run that it starts."""

from datetime import date

import pytest

from deployments.local.backfill import parameters_of


def test_range_that_is_the_wrong_way_round_is_refused() -> None:
    with pytest.raises(ValueError, match="ends"):
        parameters_of(date(2024, 3, 1), date(2024, 2, 28), None)


def test_source_keeps_its_signs_for_the_day() -> None:
    days = {"first_day": "2024-03-05", "last_day": "2024-03-06"}
    assert parameters_of(date(2024, 3, 5), date(2024, 3, 6), "/in/%Y/%m-%d") == days | {"source": "/in/%Y/%m-%d"}
    assert parameters_of(date(2024, 3, 5), date(2024, 3, 6), None) == days
