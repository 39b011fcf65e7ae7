"""The whole flow, against both S3 servers: what it stores, what it says, and how it ends."""

from __future__ import annotations

import re
import shutil
import unicodedata
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from flows.lake.bucket.iam_policy import policy_text
from flows.lake.catalog.records import INDEX_KEY, LAKE_KEY, page_key, record_key
from tests.conftest import S3
from tests.flows.conftest import log_of, objects, store_block

SAMPLE = Path(__file__).parents[2] / "data/sample"
DAY = date(2024, 3, 5)
Ingest = Callable[..., Any]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A source folder with a space and an accent in its path."""
    path = tmp_path / "da dos é"
    path.mkdir()
    return path


def test_ingest_sample_lands_byte_for_byte_with_a_complete_log(ingest: Ingest, s3: S3) -> None:
    state = ingest(SAMPLE, partition_date=DAY)
    assert state.is_completed(), state.message
    stored = objects(s3)
    assert stored["Raw/Local/CSV/Movies/2024/03/05/movies.csv"] == (SAMPLE / "movies.csv").read_bytes()
    assert stored["Raw/Local/CSV/Series/2024/03/05/series.csv"] == (SAMPLE / "series.csv").read_bytes()
    assert set(stored) == {
        "Raw/Local/CSV/Movies/2024/03/05/movies.csv",
        "Raw/Local/CSV/Series/2024/03/05/series.csv",
        "Logs/log-ingestao-20240305.txt",
        "Manifests/2024/03/05/2024-03-05 sample.json",
        INDEX_KEY,
        LAKE_KEY,
        *(key_of(name) for key_of in (page_key, record_key) for name in ("Movies", "Series")),
    }
    lines = stored["Logs/log-ingestao-20240305.txt"].decode().splitlines()
    assert "started" in lines[0]
    stamps = [line for line in lines if not line.startswith("    ")]
    assert all(re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d\d:\d\d ", line) for line in stamps)
    assert "Run ended Completed" in lines[-1]
    text = "\n".join(lines)
    for part in ("1,000 x 15", "1,000 x 16", "movies.csv uploaded", "series.csv uploaded", "The bucket holds"):
        assert part in text
    for key in stored:
        if key.startswith("Raw/"):
            assert key in text


def test_ingest_result_tells_shape_columns_dtypes_and_counts(ingest: Ingest) -> None:
    summary = ingest(SAMPLE, partition_date=DAY).result()
    movies, series = summary.outcomes
    assert movies.profile.shape == (1000, 15)
    assert series.profile.shape == (1000, 16)
    columns = {column.name: column for column in movies.profile.columns}
    assert (columns["notaMedia"].dtype, columns["notaMedia"].non_null) == ("float64", 1000)
    assert columns["anoLancamento"].dtype == "str"


def test_ingest_twice_sends_nothing_the_second_time_and_keeps_both_logs(ingest: Ingest, s3: S3) -> None:
    ingest(SAMPLE, partition_date=DAY)
    first_log = log_of(s3)
    summary = ingest(SAMPLE, partition_date=DAY).result()
    assert [outcome.state for outcome in summary.outcomes] == ["unchanged", "unchanged"]
    assert sum(outcome.bytes_sent for outcome in summary.outcomes) == 0
    logs = objects(s3, "Logs/")
    assert logs["Logs/log-ingestao-20240305.txt"].decode() == first_log
    assert set(logs) - {"Logs/log-ingestao-20240305.txt"} == {f"Logs/log-ingestao-20240305-{summary.run_id[:8]}-1.txt"}


def test_ingest_one_bad_file_does_not_stop_the_others(ingest: Ingest, s3: S3, folder: Path) -> None:
    shutil.copy(SAMPLE / "movies.csv", folder)
    (folder / "empty.csv").write_bytes(b"")
    (folder / "binary.csv").write_bytes(bytes(range(256)) * 20)
    (folder / "ragged.csv").write_text("a,b\n1,2\n1,2,3,4\n")
    (folder / "line\nbreak.csv").write_text("a\n1\n")
    state = ingest(folder, partition_date=DAY)
    assert state.is_failed()
    assert "4 of 5 files did not land" in state.message
    for name in ("empty.csv", "binary.csv", "ragged.csv", "line"):
        assert name in state.message
    assert list(objects(s3, "Raw/")) == ["Raw/Local/CSV/Movies/2024/03/05/movies.csv"]
    log = log_of(s3)
    assert "movies.csv uploaded" in log
    assert "Run ended Failed: 4 of 5 files did not land" in log.splitlines()[-1]
    assert (folder / "empty.csv").exists()


def test_ingest_keeps_rejected_files_in_quarantine_unless_told_not_to(ingest: Ingest, s3: S3, folder: Path) -> None:
    (folder / "ragged.csv").write_text("a,b\n1,2\n1,2,3,4\n")
    ingest(folder, partition_date=DAY, unreadable="leave")
    assert objects(s3, "Quarantine/") == {}
    ingest(folder, partition_date=DAY)
    assert objects(s3, "Quarantine/") == {
        "Quarantine/Local/CSV/Ragged/2024/03/05/ragged.csv": (folder / "ragged.csv").read_bytes()
    }


def test_ingest_odd_file_names_arrive_under_their_own_names(ingest: Ingest, s3: S3, folder: Path) -> None:
    names = ["with space.csv", "açúcar.csv", "50%.csv", "n#1.csv", "a+b=c&d.csv", "q?.csv", "[x]{y}.csv", "'it''s'.csv"]
    for name in names:
        (folder / name).write_text(f"a,b\n{name},2\n")
    state = ingest(folder, partition_date=DAY, contracts={"Odd": {"files": list(names)}})
    assert state.is_completed(), state.message
    assert objects(s3, "Raw/") == {
        f"Raw/Local/CSV/Odd/2024/03/05/{name}": (folder / name).read_bytes() for name in names
    }


def test_ingest_two_files_with_one_key_sends_nothing(ingest: Ingest, s3: S3, folder: Path) -> None:
    for spelling in ("NFC", "NFD"):
        (folder / unicodedata.normalize(spelling, "preço.csv")).write_text("a\n1\n")
    (folder / "other.csv").write_text("a\n1\n")
    state = ingest(folder, partition_date=DAY)
    assert state.is_failed()
    assert "would both be stored as" in state.message
    assert objects(s3, "Raw/") == {}
    assert "Run ended Failed" in log_of(s3).splitlines()[-1]


def test_ingest_dry_run_says_what_would_happen_and_writes_nothing(ingest: Ingest, s3: S3) -> None:
    ingest(SAMPLE, partition_date=DAY)
    before = objects(s3)
    planned = ingest(SAMPLE, partition_date=DAY, dry_run=True).result()
    assert [outcome.state for outcome in planned.outcomes] == ["unchanged", "unchanged"]
    planned = ingest(SAMPLE, partition_date=date(2024, 3, 6), dry_run=True).result()
    assert [outcome.state for outcome in planned.outcomes] == ["would upload", "would upload"]
    assert planned.outcomes[0].key == "Raw/Local/CSV/Movies/2024/03/06/movies.csv"
    assert objects(s3) == before


def test_ingest_dry_run_creates_no_bucket_and_tells_what_the_credentials_may_do(
    ingest: Ingest, s3: S3, caplog: pytest.LogCaptureFixture
) -> None:
    state = ingest(SAMPLE, dry_run=True)
    assert state.is_completed(), state.message
    assert policy_text(s3.bucket) in caplog.text
    assert "not known: s3:CreateBucket" in caplog.text
    assert "These credentials do not expire." in caplog.text
    assert s3.bucket not in [bucket["Name"] for bucket in s3.client().list_buckets()["Buckets"]]


@pytest.mark.unprivileged
def test_ingest_unreadable_file_fails_alone(ingest: Ingest, s3: S3, folder: Path) -> None:
    shutil.copy(SAMPLE / "movies.csv", folder)
    (folder / "secret.csv").write_text("a\n1\n")
    (folder / "secret.csv").chmod(0)
    state = ingest(folder, partition_date=DAY)
    assert state.is_failed()
    assert "secret.csv" in state.message
    assert len(objects(s3, "Raw/")) == 1


def test_ingest_missing_folder_is_named_and_the_log_ships(ingest: Ingest, s3: S3, folder: Path) -> None:
    state = ingest(folder / "nowhere", partition_date=DAY)
    assert state.is_failed()
    assert "nowhere" in state.message
    assert "There is no folder" in log_of(s3)


def test_ingest_folder_without_csv_says_so(ingest: Ingest, folder: Path) -> None:
    (folder / "notes.txt").write_text("x")
    state = ingest(folder, partition_date=DAY)
    assert state.is_failed()
    assert "No file in" in state.message


def test_ingest_wrong_parameters_are_named_together_before_any_call(ingest: Ingest, s3: S3) -> None:
    state = ingest(SAMPLE, bucket="Bad_Name", timezone="Mars/Base", credentials="no-such-block")
    assert state.is_failed()
    assert "Bad_Name" in state.message
    assert "Mars/Base" in state.message
    assert "no-such-block" not in state.message


def test_ingest_unknown_block_says_how_to_store_it(ingest: Ingest) -> None:
    state = ingest(SAMPLE, credentials="no-such-block")
    assert state.is_failed()
    assert "no-such-block" in state.message
    assert "make block" in state.message


def test_ingest_unreachable_endpoint_names_it(s3: S3, ingest: Ingest) -> None:
    # A port that nothing listens on: bound, then closed.
    import socket

    from prefect_aws.client_parameters import AwsClientParameters

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{probe.getsockname()[1]}"
    quick = {"retries": {"total_max_attempts": 1}, "connect_timeout": 1}
    parameters = AwsClientParameters(endpoint_url=address, config=quick)
    block = store_block("unreachable", s3, aws_client_parameters=parameters)
    state = ingest(SAMPLE, credentials=block)
    assert state.is_failed()
    assert address in state.message
    assert "No answer" in state.message
    assert "kept as" in state.message


def test_ingest_wrong_keys_end_the_run_before_any_file_is_read(rclone: Any) -> None:
    from flows.ingest_raw import ingest_raw

    s3 = S3(server=rclone, bucket="never-made")
    block = store_block("wrong-keys", s3, aws_secret_access_key="not-the-right-secret")
    state = ingest_raw(source=SAMPLE, bucket=s3.bucket, credentials=block, return_state=True)
    assert state.is_failed()
    assert "wrong-keys" in state.message
    assert "not-the-right-secret" not in state.message
    assert "make block" in state.message or "blocks.register" in state.message
