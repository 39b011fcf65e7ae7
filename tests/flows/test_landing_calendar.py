"""The flow `landing-calendar` over the manifests of real runs."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import S3
from tests.flows.conftest import artifacts_of, event_of, objects, store_block

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
    assert "Movies  ?  ✓  =\nSeries  ?  ✓  ?\n" in artifact.data
