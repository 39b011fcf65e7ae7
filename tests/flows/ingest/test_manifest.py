"""The manifest that a run leaves, and what the next run makes of it."""

from __future__ import annotations

import hashlib
import html
import shutil
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from flows.lake.manifests.manifest import Manifest, from_json
from tests.conftest import S3
from tests.flows.conftest import artifacts_of, event_of, log_of, objects, store_block
from tests.tools.fault_proxy import Fault, fault_proxy, refused

on_moto = pytest.mark.parametrize("s3", ["moto"], indirect=True)
on_rclone = pytest.mark.parametrize("s3", ["rclone"], indirect=True)
SAMPLE = Path(__file__).parents[3] / "data/sample"
DAY = date(2024, 3, 5)
NEXT = date(2024, 3, 6)


def manifests_of(s3: S3) -> dict[str, Manifest]:
    return {key: from_json(body) for key, body in objects(s3, "Manifests/").items()}


def test_ingest_writes_a_manifest_that_names_every_object_and_its_content(ingest: Any, s3: S3) -> None:
    summary = ingest(SAMPLE, partition_date=DAY).result()
    ((key, manifest),) = manifests_of(s3).items()
    assert key == f"Manifests/2024/03/05/{summary.run_name}.json"
    assert (manifest.run_id, manifest.run_name, manifest.run_count) == (summary.run_id, summary.run_name, 1)
    assert (manifest.logical_date, manifest.source, manifest.bucket) == (DAY, str(SAMPLE), s3.bucket)
    stored = objects(s3, "Raw/")
    assert {file.key for file in manifest.files} == set(stored)
    for file in manifest.files:
        body = stored[file.key]
        assert (file.size_bytes, file.sha256) == (len(body), hashlib.sha256(body).hexdigest())
        assert (file.outcome, file.day, file.rows, file.delimiter, file.encoding) == (
            "uploaded", DAY, 1000, "|", "utf-8",
        )  # fmt: skip
        head = s3.client().head_object(Bucket=s3.bucket, Key=file.key, ChecksumMode="ENABLED")
        assert file.etag == head["ETag"].strip('"')
        assert file.version_id == head.get("VersionId")
        assert file.crc64nvme == head.get("ChecksumCRC64NVME", file.crc64nvme)
    movies = manifest.files[0]
    assert movies.quoted
    assert [(column.name, column.dtype, column.non_null) for column in movies.columns][:2] == [
        ("id", "str", 1000),
        ("tituloPincipal", "str", 1000),
    ]
    assert f"Manifest written to s3://{s3.bucket}/{key}" in log_of(s3)


@on_rclone
def test_ingest_with_bad_files_writes_their_reasons_into_the_manifest(ingest: Any, s3: S3, tmp_path: Path) -> None:
    shutil.copy(SAMPLE / "movies.csv", tmp_path)
    (tmp_path / "ragged.csv").write_text("a,b\n1,2\n1,2,3,4\n")
    (tmp_path / "line\nbreak.csv").write_text("a\n1\n")
    assert ingest(tmp_path, partition_date=DAY).is_failed()
    (manifest,) = manifests_of(s3).values()
    files = {file.name: file for file in manifest.files}
    assert files["movies.csv"].outcome == "uploaded"
    assert files["ragged.csv"].outcome == "rejected"
    assert "line 3" in (files["ragged.csv"].reason or "")
    assert files["ragged.csv"].kept_as == "Quarantine/Local/CSV/Ragged/2024/03/05/ragged.csv"
    assert (files["line\nbreak.csv"].outcome, files["line\nbreak.csv"].key) == ("failed", "")


@on_rclone
def test_ingest_twice_under_one_name_keeps_both_manifests(ingest: Any, s3: S3) -> None:
    ingest(SAMPLE, partition_date=DAY)
    (first,) = objects(s3, "Manifests/").items()
    summary = ingest(SAMPLE, partition_date=DAY).result()
    both = objects(s3, "Manifests/")
    assert both.pop(first[0]) == first[1]
    ((key, body),) = both.items()
    assert key == f"Manifests/2024/03/05/{summary.run_name}-{summary.run_id[:8]}-1.json"
    assert [file.outcome for file in from_json(body).files] == ["unchanged", "unchanged"]


@on_moto
def test_ingest_files_of_many_days_has_one_manifest_under_the_day_of_the_run(
    ingest: Any, s3: S3, tmp_path: Path
) -> None:
    for day in (1, 2, 3):
        (tmp_path / f"orders_2024-01-0{day}.csv").write_text(f"a,b\n{day},2\n")
    options = {"contracts": {"Orders": {"files": "orders_*", "date": "orders_%Y-%m-%d"}}}
    ingest(tmp_path, partition_date=DAY, **options)
    ((key, manifest),) = manifests_of(s3).items()
    assert key.startswith("Manifests/2024/03/05/")
    assert [file.day for file in manifest.files] == [date(2024, 1, day) for day in (1, 2, 3)]
    assert {file.known_as for file in manifest.files} == {"orders_%Y-%m-%d.csv"}

    (tmp_path / "orders_2024-01-04.csv").write_text("a,c\n4,2\n")
    summary = ingest(tmp_path, partition_date=NEXT, **options).result()
    assert [outcome.path.name for outcome in summary.outcomes if outcome.drift] == ["orders_2024-01-04.csv"]


@on_rclone
def test_ingest_drift_is_told_in_log_message_manifest_and_event(ingest: Any, s3: S3, tmp_path: Path) -> None:
    (tmp_path / "f.csv").write_text("a,b\n1,2\n3,4\n")
    ingest(tmp_path, partition_date=DAY)
    s3.client().put_object(Bucket=s3.bucket, Key="Manifests/2024/03/05/zz.json", Body=b'{"schema_version": 1, "fi')
    (tmp_path / "f.csv").write_text("a,c\n1,2\n")
    state = ingest(tmp_path, partition_date=NEXT)
    assert state.is_completed()
    assert "1 differs from what landed before" in state.message
    logs = objects(s3, "Logs/")
    log = logs["Logs/log-ingestao-20240306.txt"].decode()
    assert "f.csv has changed: column 'b' is now 'c'" in log
    assert "zz.json is not a manifest" in log
    assert "has changed" not in logs["Logs/log-ingestao-20240305.txt"].decode()
    (manifest,) = (from_json(body) for body in objects(s3, "Manifests/2024/03/06/").values())
    assert [one.kind for one in manifest.files[0].drift] == ["column renamed"]
    event = event_of(str(state.state_details.flow_run_id), "ingest-raw.schema-drift")
    assert event["resource"]["prefect.resource.id"] == f"lake.dataset.{s3.bucket}.f"
    assert event["payload"]["changes"][0]["kind"] == "column renamed"
    assert event["payload"]["changes"][0]["key"] == "Raw/Local/CSV/F/2024/03/06/f.csv"


@on_moto
def test_ingest_drift_reject_keeps_the_file_out_of_raw_and_a_dry_run_says_so(
    ingest: Any, s3: S3, tmp_path: Path
) -> None:
    (tmp_path / "f.csv").write_text("a,b\n1,2\n")
    ingest(tmp_path, partition_date=DAY, on_drift="reject")
    (tmp_path / "f.csv").write_text("a,b\n1,x\n")
    before = objects(s3)
    state = ingest(tmp_path, partition_date=NEXT, on_drift="reject", dry_run=True)
    assert "since 2024-03-05 column 'b' changed from int64 to str" in state.message
    assert objects(s3) == before
    state = ingest(tmp_path, partition_date=NEXT, on_drift="reject")
    assert "since 2024-03-05 column 'b' changed from int64 to str" in state.message
    assert [*objects(s3, "Raw/")] == ["Raw/Local/CSV/F/2024/03/05/f.csv"]
    assert objects(s3, "Quarantine/") == {"Quarantine/Local/CSV/F/2024/03/06/f.csv": b"a,b\n1,x\n"}


@on_rclone
def test_ingest_without_access_to_manifests_fails_where_they_matter(s3: S3, tmp_path: Path) -> None:
    from flows.ingest_raw import ingest_raw

    (tmp_path / "f.csv").write_text("a,b\n1,2\n")
    with fault_proxy(s3.server) as proxy:
        block = store_block("no-manifests", S3(proxy.server, s3.bucket))
        given: dict[str, Any] = {"source": tmp_path, "bucket": s3.bucket, "credentials": block, "return_state": True}
        proxy.add(Fault("PutObject", refused_for("Manifests"), times=100))
        state = ingest_raw(**given, partition_date=DAY)
        assert state.is_failed()
        assert "The manifest could not be written" in state.message
        assert "AccessDenied" in state.message
        assert [*objects(s3, "Raw/")] == ["Raw/Local/CSV/F/2024/03/05/f.csv"]
        assert "Run ended Failed" in log_of(s3).splitlines()[-1]

        proxy.faults.clear()
        proxy.add(Fault("ListObjectsV2", refused_for("Manifests"), times=100))
        state = ingest_raw(**given, partition_date=NEXT)
        assert state.is_completed()
        assert "What landed before could not be read: S3 answered AccessDenied" in state.result().warnings[-1]
        state = ingest_raw(**given, partition_date=NEXT, on_drift="reject")
        assert state.is_failed()
        assert "S3 answered AccessDenied" in state.message


def refused_for(word: str) -> Any:
    """Refuse the requests whose address holds a word."""
    refuse = refused(403, "AccessDenied")
    return lambda handler, request: word in request.path and refuse(handler, request)


def test_ingest_refreshes_the_lakes_page_and_links_it(ingest: Any, s3: S3) -> None:
    state = ingest(SAMPLE, partition_date=DAY)
    page = objects(s3)["Catalog/index.html"].decode()
    assert "Movies" in page
    assert f"The lake's page: s3://{s3.bucket}/Catalog/index.html" in log_of(s3)
    (summary,) = [
        one.data
        for one in artifacts_of(str(state.state_details.flow_run_id))
        if "The lake on one page" in str(one.data)
    ]
    assert f"s3://{s3.bucket}/Catalog/index.html" in html.unescape(summary)
    ingest(SAMPLE, partition_date=DAY, dry_run=True)
    assert objects(s3)["Catalog/index.html"].decode() == page


@on_rclone
def test_ingest_whose_pages_cannot_be_refreshed_completes_and_the_next_one_takes_them_up(
    s3: S3, tmp_path: Path
) -> None:
    from flows.ingest_raw import ingest_raw

    (tmp_path / "f.csv").write_text("a,b\n1,2\n")
    with fault_proxy(s3.server) as proxy:
        block = store_block("no-catalog", S3(proxy.server, s3.bucket))
        given: dict[str, Any] = {"source": tmp_path, "bucket": s3.bucket, "credentials": block, "return_state": True}
        proxy.add(Fault("PutObject", refused_for("Catalog"), times=100))
        assert ingest_raw(**given, partition_date=DAY).is_completed()
        assert "The pages under Catalog/ could not be refreshed (S3 answered AccessDenied" in log_of(s3)
        assert not objects(s3, "Catalog/")
        proxy.faults.clear()
        assert ingest_raw(**given, partition_date=NEXT).is_completed()
    page = objects(s3, "Catalog/datasets/").popitem()[1].decode()
    assert 'id="d-2024-03-05"' in page
    assert 'id="d-2024-03-06"' in page
