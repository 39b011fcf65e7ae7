"""The flow `verify-raw` after real runs of `ingest-raw`."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import S3
from tests.flows.conftest import artifacts_of, objects, store_block

SAMPLE = Path(__file__).parents[2] / "data/sample"
MOVIES = "Raw/Local/CSV/Movies/2024/03/05/movies.csv"


@pytest.mark.parametrize("s3", ["rclone"], indirect=True)
def test_verify_raw_of_damaged_lake_ends_failed_with_the_keys_and_writes_nothing(ingest: Any, s3: S3) -> None:
    from flows.verify_raw import verify_raw

    ingest(SAMPLE, partition_date=date(2024, 3, 5))
    given: dict[str, Any] = {
        "bucket": s3.bucket,
        "credentials": store_block("verify-rclone", s3),
        "start_date": date(2024, 3, 1),
        "end_date": date(2024, 3, 7),
        "return_state": True,
    }
    before = objects(s3)
    state = verify_raw(**given, deep=True)
    assert state.is_completed(), state.message
    assert "Verified 2 objects" in state.message
    assert objects(s3) == before

    s3.client().delete_object(Bucket=s3.bucket, Key=MOVIES)
    state = verify_raw(**given)
    assert state.is_failed()
    assert f"{MOVIES} (deleted)" in state.message
    assert "verify-raw" in [artifact.key for artifact in artifacts_of(str(state.state_details.flow_run_id))]


def test_verify_raw_with_wrong_days_or_block_says_so(rclone: Any) -> None:
    from flows.verify_raw import verify_raw

    state = verify_raw(start_date=date(2024, 3, 2), end_date=date(2024, 3, 1), return_state=True)
    assert state.is_failed()
    assert "start_date 2024-03-02 is after end_date 2024-03-01" in state.message
    state = verify_raw(credentials="no-such-block", return_state=True)
    assert state.is_failed()
    assert "no-such-block" in state.message
