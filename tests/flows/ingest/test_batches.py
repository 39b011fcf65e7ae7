"""Runs of many files: batches in worker processes, where each file still has an outcome of its own."""

from __future__ import annotations

import dataclasses
import os
import uuid
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from prefect.artifacts import Artifact

from flows.lake.raw import unchanged
from flows.lake.reports import run_report
from flows.ui import progress
from tests.conftest import S3
from tests.flows.conftest import artifacts_of, log_of, logs_of, objects

DAY = date(2024, 3, 5)
Ingest = Callable[..., Any]


def write_files(folder: Path, count: int) -> dict[str, bytes]:
    for number in range(count):
        (folder / f"sensor_{number:03}.csv").write_text(f"id,value\n{number},0.5\n")
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def landed(s3: S3) -> dict[str, bytes]:
    return {key.rsplit("/", 1)[1]: body for key, body in objects(s3, "Raw/").items()}


def test_batch_with_bad_files_lands_their_neighbours(ingest: Ingest, s3: S3, tmp_path: Path) -> None:
    good = write_files(tmp_path, 45)
    (tmp_path / "empty.csv").write_bytes(b"")
    (tmp_path / "ragged.csv").write_text("a,b\n1,2\n1,2,3,4\n")
    state = ingest(tmp_path, partition_date=DAY, own_tasks_up_to=10)
    assert state.is_failed()
    assert "2 of 47 files did not land" in state.message
    assert "empty.csv" in state.message
    assert "ragged.csv" in state.message
    assert landed(s3) == good
    assert "Quarantine/Local/CSV/Ragged/2024/03/05/ragged.csv" in objects(s3, "Quarantine/")
    log = log_of(s3)
    assert all(f"{name} uploaded" in log for name in good)
    assert max(len(message) for message in logs_of(state)) < 10_000  # Prefect logs no outcomes of a batch


@pytest.mark.parametrize("s3", ["rclone"], indirect=True)  # nothing here is the server's
def test_batches_show_how_far_the_run_is(ingest: Ingest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "LARGE_FILE_BYTES", 1)
    source = tmp_path / uuid.uuid4().hex[:8]
    source.mkdir()
    write_files(source, 30)
    assert ingest(source, partition_date=DAY, own_tasks_up_to=10).is_completed()
    artifact = Artifact.get(f"progress-ingest-{source.name}")
    assert artifact
    assert artifact.data == 100.0


@pytest.mark.parametrize("s3", ["rclone"], indirect=True)
def test_batches_of_bad_files_name_each_in_the_lake_and_some_in_the_ui(
    ingest: Ingest, s3: S3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_report, "SHOWN_FILES", 5)
    monkeypatch.setattr(run_report, "SHOWN_DATASETS", 2)
    write_files(tmp_path, 3)
    names = [f"bad_{number}.csv" for number in range(12)]
    for name in names:
        (tmp_path / name).write_bytes(b"")
    state = ingest(tmp_path, partition_date=DAY, own_tasks_up_to=4)
    assert state.is_failed()
    assert all(f"{name} rejected" in log_of(s3) for name in names)
    told = [message for message in logs_of(state) if " rejected: " in message and message.startswith("bad_")]
    assert len(told) == 5
    assert [one.type for one in artifacts_of(str(state.state_details.flow_run_id))] == ["markdown"]


@pytest.mark.parametrize("s3", ["rclone"], indirect=True)
def test_prefect_looks_for_futures_in_no_file_of_a_long_run(
    ingest: Ingest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A walk over 10,000 files, their profiles and outcomes costs more than the run's own work."""
    walked: set[str] = set()

    def fields(value: Any) -> Any:
        walked.add(type(value).__name__)
        return dataclasses.fields(value)

    monkeypatch.setattr("prefect.utilities.collections.fields", fields)
    write_files(tmp_path, 3)
    for _ in range(2):
        state = ingest(tmp_path, partition_date=DAY, own_tasks_up_to=0)
        assert state.is_completed()
    assert [outcome.state for outcome in state.result().outcomes] == ["unchanged"] * 3
    assert "LakeAddress" in walked
    assert not walked & {"SourceFile", "FileOutcome", "CsvProfile", "SourceFolder"}


@pytest.mark.parametrize("s3", ["rclone"], indirect=True)
def test_what_many_keys_hold_is_asked_while_the_past_is_read(
    ingest: Ingest, s3: S3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int | None] = []
    ask = unchanged.LookAhead.found

    def found(self: unchanged.LookAhead) -> Any:
        stored = ask(self)
        asked.append(None if stored is None else len(stored))
        return stored

    monkeypatch.setattr(unchanged, "MANY_FILES", 6)
    monkeypatch.setattr(unchanged.LookAhead, "found", found)
    write_files(tmp_path, 6)
    for path in tmp_path.iterdir():
        os.utime(path, ns=(10**18, 10**18))  # no record is believed of a file that changed just before its run
    states = []
    for _ in range(3):
        states = [
            outcome.state for outcome in ingest(tmp_path, partition_date=DAY, own_tasks_up_to=0).result().outcomes
        ]
        s3.client().delete_object(Bucket=s3.bucket, Key="Raw/Local/CSV/Sensor_005/2024/03/05/sensor_005.csv")
    assert states == ["unchanged"] * 5 + ["uploaded"]
    assert asked == [5, 5]
