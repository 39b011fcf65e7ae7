"""The flow `landing-calendar` over the manifests of real runs."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import S3
from tests.flows.conftest import artifacts_of, event_of, logs_of, objects, store_block

SAMPLE = Path(__file__).parents[2] / "data/sample"


@pytest.mark.parametrize("s3", ["rclone"], indirect=True)
def test_landing_calendar_tells_of_the_dataset_that_did_not_arrive(ingest: Any, s3: S3) -> None:
    from flows.landing_calendar import landing_calendar

    ingest(SAMPLE, partition_date=date(2024, 3, 4))
    ingest(SAMPLE, pattern="movies.csv", partition_date=date(2024, 3, 5))
    before = objects(s3)
    state = landing_calendar(
        bucket=s3.bucket,
        credentials=store_block("calendar-rclone", s3),
        expected=["Movies", "Series"],
        days=3,
        end_date=date(2024, 3, 5),
        return_state=True,
    )
    assert state.is_completed()
    assert state.message == "Missing on 2024-03-05: Series."
    assert objects(s3) == before
    run_id = str(state.state_details.flow_run_id)
    event = event_of(run_id, "ingest-raw.dataset-missing")
    assert event["resource"]["prefect.resource.id"] == f"lake.dataset.{s3.bucket}.series"
    assert event["payload"] == {
        "dataset": "Series", "bucket": s3.bucket, "day": "2024-03-05", "last_landed": "2024-03-04",
    }  # fmt: skip
    (artifact,) = artifacts_of(run_id)
    assert artifact.key == "landing-calendar"
    assert "Movies  ·  ✓  =\nSeries  ·  ✓  ?\n" in artifact.data


def calendar_of(s3: S3, expected: Any, end: date) -> Any:
    from flows.landing_calendar import landing_calendar

    block = store_block(f"calendar-{s3.server.name}", s3)
    return landing_calendar(bucket=s3.bucket, credentials=block, expected=expected, end_date=end, return_state=True)


def test_landing_calendar_of_a_lake_made_today_tells_of_nothing_missing(ingest: Any, s3: S3) -> None:
    ingest(SAMPLE, pattern="movies.csv", partition_date=date(2024, 3, 5))
    state = calendar_of(s3, ["Movies", "Series"], date(2024, 3, 5))
    assert state.message == ("Nothing is missing on 2024-03-05; 1 datasets landed. Expected, but never landed: Series.")
    (artifact,) = artifacts_of(str(state.state_details.flow_run_id))
    assert f"Movies{'  ·' * 13}  ✓\nSeries{'  ·' * 14}\n" in artifact.data
    assert "Expected, but never landed: Series" in logs_of(state)


@pytest.mark.parametrize("s3", ["moto"], indirect=True)
def test_landing_calendar_knows_by_its_rhythm_what_a_dataset_that_came_long_ago_misses(ingest: Any, s3: S3) -> None:
    ingest(SAMPLE, partition_date=date(2023, 9, 4))
    expected = {"Movies": "weekly:mon", "Series": "monthly:5"}
    state = calendar_of(s3, expected, date(2024, 3, 5))
    assert state.message == "Missing on 2024-03-05: Series."
    payload = event_of(str(state.state_details.flow_run_id), "ingest-raw.dataset-missing")["payload"]
    assert payload["last_landed"] == "2023-09-04"
    (artifact,) = artifacts_of(str(state.state_details.flow_run_id))
    assert "- **Movies** (weekly:mon): 03-04, 02-26. Landed last on 2023-09-04." in artifact.data


@pytest.mark.parametrize("s3", ["moto"], indirect=True)
def test_landing_calendar_rhythm_that_is_wrong_ends_the_run_and_is_named(s3: S3) -> None:
    state = calendar_of(s3, {"Orders": "weekly:mo since 2024-01-01", "Movies": "daily"}, date(2024, 3, 5))
    assert state.is_failed()
    assert state.message.startswith("expected: 1 entry is wrong: 'Orders': 'weekly:mo': weekly needs a day of the week")


@pytest.mark.parametrize("s3", ["moto"], indirect=True)
def test_landing_calendar_of_the_first_days_of_the_calendar_itself_ends_well(ingest: Any, s3: S3) -> None:
    ingest(SAMPLE, pattern="movies.csv", partition_date=date(2024, 3, 5))
    assert calendar_of(s3, {"Movies": "daily"}, date(1, 1, 3)).is_completed()


def test_parameter_expected_is_a_mapping_or_a_list_of_names() -> None:
    """As a list older deployments have it; Prefect's forms show the form that the deployment has."""
    from prefect.utilities.callables import parameter_schema

    from flows.landing_calendar import landing_calendar

    shapes = parameter_schema(landing_calendar.fn).properties["expected"]["anyOf"]
    assert [shape["type"] for shape in shapes] == ["object", "array", "null"]
