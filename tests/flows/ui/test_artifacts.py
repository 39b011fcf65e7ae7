"""What a run shows of itself in Prefect: progress, artifacts and their keys, read back from the server."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from flows.ui import progress
from tests.conftest import S3, fresh_bucket_name
from tests.flows.conftest import logs_of, store_block

SAMPLE = Path(__file__).parents[3] / "data/sample"
Ingest = Callable[..., Any]


@pytest.fixture
def ingest(rclone: Any) -> Ingest:
    from flows.ingest_raw import ingest_raw

    s3 = S3(rclone, fresh_bucket_name())
    block = store_block("ui", s3)

    def run(source: Path, **parameters: Any) -> Any:
        given: dict[str, Any] = {"bucket": s3.bucket, "credentials": block, "partition_date": date(2024, 3, 5)}
        return ingest_raw(source=source, return_state=True, **given | parameters)

    return run


def artifacts_of(state: Any) -> dict[str, Any]:
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId

    with get_client(sync_client=True) as client:
        chosen = ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[state.state_details.flow_run_id]))
        return {one.key: one for one in client.read_artifacts(artifact_filter=chosen)}


def test_large_file_shows_its_progress_while_it_is_read_and_sent(
    ingest: Ingest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "LARGE_FILE_BYTES", 10_000_000)
    monkeypatch.setattr(progress.FileProgress, "_LOGGED_EVERY_S", 0.0)
    monkeypatch.setattr(progress.FileProgress, "_EVERY_S", 0.0)
    line = b"1|some text|2.5\n"
    (tmp_path / "large.csv").write_bytes(b"a|b|c\n" + line * (20_000_000 // len(line)))
    shutil.copy(SAMPLE / "movies.csv", tmp_path)
    state = ingest(tmp_path)
    assert state.is_completed(), state.message
    shown = {key: one.data for key, one in artifacts_of(state).items() if one.type == "progress"}
    assert shown == {"progress-profile-large-csv": 100.0, "progress-upload-large-csv": 100.0}
    logged = [line for line in logs_of(state) if line.startswith("large.csv: ") and "% of 20.0 MB" in line]
    assert len(logged) >= 2


def test_artifacts_have_the_same_keys_every_day_and_others_for_another_source(ingest: Ingest, tmp_path: Path) -> None:
    one, other = tmp_path / "in" / "a", tmp_path / "in" / "b"
    shutil.copytree(SAMPLE, one)
    shutil.copytree(SAMPLE, other)
    first = artifacts_of(ingest(one))
    assert set(first) == {"profile-movies", "profile-series", "ingest-raw-in-a"}
    assert set(artifacts_of(ingest(one, partition_date=date(2024, 3, 6)))) == set(first)
    assert set(artifacts_of(ingest(other))) == {"profile-movies", "profile-series", "ingest-raw-in-b"}

    assert first["ingest-raw-in-a"].type == "markdown"
    assert first["ingest-raw-in-a"].description == f"2024-03-05 from {one}: 2 files: 2 uploaded."
    assert "**movies.csv**, 2024-03-05 from " in first["profile-movies"].description
    assert r"'\N' stands in" in first["profile-movies"].description
    assert '"dtype": "float64"' in first["profile-movies"].data


def test_dry_run_previews_the_days_that_dates_in_names_mean(ingest: Ingest, tmp_path: Path) -> None:
    (tmp_path / "orders_2024-03-05.csv").write_text("a,b\n1,2\n")
    (tmp_path / "orders_2023-12-31.csv").write_text("a,b\n1,2\n")
    given: dict[str, Any] = {"contracts": {"Orders": {"date": "orders_%Y-%m-%d"}}}
    planned = ingest(tmp_path, partition_date=None, dry_run=True, **given)
    assert planned.is_completed(), planned.message
    keys = [
        "Raw/Local/CSV/Orders/2023/12/31/orders_2023-12-31.csv",
        "Raw/Local/CSV/Orders/2024/03/05/orders_2024-03-05.csv",
    ]
    assert [outcome.key for outcome in planned.result().outcomes] == keys
    (summary,) = [one for one in artifacts_of(planned).values() if one.type == "markdown"]
    assert "# Dry run: 2 files: 2 would upload" in summary.data
    assert all(key in summary.data for key in keys)

    landed = ingest(tmp_path, partition_date=None, **given)
    assert [outcome.key for outcome in landed.result().outcomes] == keys
