"""The second run on the same folder: what is recorded and unchanged is neither read nor sent."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import S3
from tests.flows.conftest import objects

DAY = date(2024, 3, 5)
Ingest = Callable[..., Any]


def write(path: Path, text: str, *, age_s: float = 3600) -> None:
    path.write_text(text)
    then = time.time() - age_s
    os.utime(path, (then, then))


def told(state: Any) -> dict[str, tuple[str, str | None]]:
    return {outcome.path.name: (outcome.state, outcome.verified_by) for outcome in state.result().outcomes}


def test_unchanged_files_are_recognised_and_only_a_changed_one_of_the_same_size_is_read(
    ingest: Ingest, s3: S3, tmp_path: Path
) -> None:
    for name in ("a", "b", "c", "d"):
        write(tmp_path / f"{name}.csv", f"id,value\n{name},1\n")
    ingest(tmp_path, partition_date=DAY)
    write(tmp_path / "b.csv", "id,value\nb,2\n", age_s=1800)  # the size is as before
    client = s3.client()
    client.delete_object(Bucket=s3.bucket, Key="Raw/Local/CSV/C/2024/03/05/c.csv")
    client.put_object(Bucket=s3.bucket, Key="Raw/Local/CSV/D/2024/03/05/d.csv", Body=b"id,value\nx,1\n")
    again = ingest(tmp_path, partition_date=DAY)
    assert told(again)["a.csv"] == ("unchanged", "unchanged etag")
    assert {name: state for name, (state, _) in told(again).items()} == {
        "a.csv": "unchanged",
        "b.csv": "uploaded",
        "c.csv": "uploaded",
        "d.csv": "uploaded",
    }
    raw = {key.rsplit("/", 1)[1]: body for key, body in objects(s3, "Raw/").items()}
    assert raw == {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    first, second = (
        again.result().outcomes[0].profile,
        ingest(tmp_path, partition_date=DAY).result().outcomes[0].profile,
    )
    assert first == second
    assert first.shape == (1, 2)


@pytest.mark.parametrize("s3", ["rclone"], indirect=True)  # nothing here is the server's
def test_unchanged_files_with_reread_are_read_and_compared(ingest: Ingest, tmp_path: Path) -> None:
    write(tmp_path / "a.csv", "id,value\na,1\n")
    ingest(tmp_path, partition_date=DAY)
    # The limit: a change that keeps size and time is not seen, unless everything is read.
    times = (tmp_path / "a.csv").stat()
    (tmp_path / "a.csv").write_text("id,value\na,2\n")
    os.utime(tmp_path / "a.csv", ns=(times.st_atime_ns, times.st_mtime_ns))
    assert told(ingest(tmp_path, partition_date=DAY)) == {"a.csv": ("unchanged", "unchanged etag")}
    assert told(ingest(tmp_path, partition_date=DAY, reread=True))["a.csv"][0] == "uploaded"


def test_unchanged_file_of_the_next_day_is_sent_and_one_that_only_looks_unchanged_is_read_again(
    ingest: Ingest, s3: S3, tmp_path: Path
) -> None:
    write(tmp_path / "a.csv", "id,value\na,1\n")
    write(tmp_path / "b.csv", "id,value\nb,1\n")
    ingest(tmp_path, partition_date=DAY)
    times = (tmp_path / "b.csv").stat()
    (tmp_path / "b.csv").write_text("id,value\nb,x\n")
    os.utime(tmp_path / "b.csv", ns=(times.st_atime_ns, times.st_mtime_ns))
    state = ingest(tmp_path, partition_date=date(2024, 3, 6))
    assert {name: state for name, (state, _) in told(state).items()} == {"a.csv": "uploaded", "b.csv": "uploaded"}
    seconds = {outcome.path.name: outcome.profile_s for outcome in state.result().outcomes}
    assert seconds["a.csv"] == 0
    dtypes = {one.path.name: one.profile.columns[1].dtype for one in state.result().outcomes}
    assert dtypes == {"a.csv": "int64", "b.csv": "str"}
    assert objects(s3, "Raw/")["Raw/Local/CSV/B/2024/03/06/b.csv"] == b"id,value\nb,x\n"


@pytest.mark.parametrize("s3", ["rclone"], indirect=True)  # nothing here is the server's
def test_unchanged_file_that_was_touched_just_before_the_run_is_read_again(ingest: Ingest, tmp_path: Path) -> None:
    write(tmp_path / "a.csv", "id,value\na,1\n", age_s=0)
    ingest(tmp_path, partition_date=DAY)
    state, proof = told(ingest(tmp_path, partition_date=DAY))["a.csv"]
    assert state == "unchanged"
    assert proof != "unchanged etag"


def forge(s3: S3, file: Path, name: str, **changes: Any) -> None:
    """Put a manifest beside the genuine ones that claims what somebody wants a run to believe."""
    (body,) = objects(s3, "Manifests/2024/03/05/").values()
    made = json.loads(body)
    info = file.stat()
    claim = {"mtime_ns": info.st_mtime_ns, "size_bytes": info.st_size}
    made["files"] = [{**one, **claim, **changes} for one in made["files"]]
    made["started"] = made["ended"] = "2099-01-01T00:00:00+00:00"
    s3.client().put_object(Bucket=s3.bucket, Key=f"Manifests/2024/03/05/{name}", Body=json.dumps(made).encode())


def test_forged_claim_that_an_object_is_unchanged_skips_no_upload(ingest: Ingest, s3: S3, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("a,b\n1,2\n")
    assert ingest(tmp_path, partition_date=DAY).is_completed()
    path.write_text("a,b\n9,9\n")
    forge(s3, path, "zzz.json")
    state = ingest(tmp_path, partition_date=DAY)
    assert [outcome.state for outcome in state.result().outcomes] == ["uploaded"]
    assert objects(s3, "Raw/")["Raw/Local/CSV/A/2024/03/05/a.csv"] == b"a,b\n9,9\n"


@pytest.mark.parametrize(
    "wrong", [{"path": "a\0b"}, {"encoding": "nope"}, {"encoding": "zlib_codec"}, {"rows": 10**30}]
)
def test_manifest_that_is_wrong_costs_a_warning_and_no_run(
    ingest: Ingest, s3: S3, tmp_path: Path, wrong: dict[str, Any]
) -> None:
    path = tmp_path / "a.csv"
    path.write_text("a,b\n1,2\n")
    ingest(tmp_path, partition_date=DAY)
    forge(s3, path, "zzz.json", **wrong)
    state = ingest(tmp_path, partition_date=DAY)
    assert state.is_completed()
    (warning,) = state.result().warnings[-1:]
    assert "zzz.json is not a manifest that this version can read: files.0." in warning
    assert [outcome.state for outcome in state.result().outcomes] == ["unchanged"]
