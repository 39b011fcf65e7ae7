"""What a verification finds: each kind of damage to the raw layer, done to a real server's objects."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from flows.lake import keys
from flows.lake.errors import AccessDenied
from flows.lake.manifests import manifest
from flows.lake.manifests.store import ManifestStore
from flows.lake.manifests.verify import Verification, verify
from flows.lake.models import SourceFile
from flows.lake.raw.ingest_file import read_file, store_file
from flows.lake.raw.raw_layer import RawLayer
from flows.lake.reports.verify_text import markdown, verdict
from flows.lake.s3.bucket import Bucket
from tests.storage.conftest import Lake
from tests.tools.fault_proxy import Fault, fault_proxy, refused
from tests.tools.rules import RULES
from tests.tools.uploads import eager_client
from tests.unit.reports.test_run_report import summary

DAY = date(2024, 3, 5)
A, B = (f"Raw/Local/CSV/F/2024/03/05/{name}.csv" for name in "ab")
QUARANTINED = "Quarantine/Local/CSV/F/2024/03/05/c.csv"
deeply = pytest.mark.parametrize("deep", [False, True])


def run(lake: Lake, folder: Path, files: dict[str, str], run_day: date, file_day: date, name: str = "run") -> None:
    """Land files and write the manifest, as a run of ingest-raw does."""
    outcomes = []
    for file_name, text in files.items():
        path = folder / file_name
        path.write_text(text)
        key = keys.raw_key(path, "F", file_day)
        file = SourceFile(path, "F", key, path.stat().st_size, RULES)
        try:
            read: Any = read_file(file)
        except Exception as error:
            read = error
        outcomes.append(store_file(file, read, RawLayer(lake.whole)))
    made = replace(summary(*outcomes, day=run_day, run_name=name))
    text = manifest.to_json(manifest.of_run(made, 1, datetime(2024, 3, 5, tzinfo=UTC), {}))
    ManifestStore(lake.whole).store(text, keys.manifest_keys(run_day, name, "01234567", 1))


@pytest.fixture
def landed(lake: Lake, tmp_path: Path) -> Lake:
    """Two files in the raw layer, one in quarantine, and their manifest."""
    run(lake, tmp_path, {"a.csv": "x\n1\n22\n", "b.csv": "y\n3\n", "c.csv": "z\n1,2\n3,4,5,6\n"}, DAY, DAY)
    assert lake.keys("Raw/") == [A, B]
    assert lake.keys("Quarantine/") == [QUARANTINED]
    return lake


def found(lake: Lake, *, deep: bool = False, start: date = DAY, end: date = DAY) -> Verification:
    return verify(lake.whole, start, end, deep=deep)


def findings(lake: Lake, **options: Any) -> list[tuple[str, str]]:
    return [(finding.kind, finding.key) for finding in found(lake, **options).findings]


@deeply
def test_verify_of_an_intact_lake_finds_nothing_and_says_what_proved_it(landed: Lake, deep: bool) -> None:
    result = found(landed, deep=deep)
    assert result.findings == ()
    assert (result.manifests, result.objects, result.raw_objects) == (1, 3, 2)
    assert dict(result.proofs) == {"read back" if deep else "size and etag": 2, "size": 1}
    assert "Verified 3 objects" in verdict(result, landed.bucket)


@pytest.mark.parametrize("s3", ["moto"], indirect=True)
def test_verify_on_aws_goes_by_the_checksum(landed: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flows.lake.s3.bucket.is_aws", lambda endpoint: True)
    assert dict(found(landed).proofs) == {"checksum": 2, "size": 1}


@deeply
def test_verify_deleted_object_is_found(landed: Lake, deep: bool) -> None:
    for key in (A, QUARANTINED):
        landed.client.delete_object(Bucket=landed.bucket, Key=key)
    assert findings(landed, deep=deep) == [("deleted", QUARANTINED), ("deleted", A)]


@deeply
def test_verify_truncated_object_is_found(landed: Lake, deep: bool) -> None:
    landed.client.put_object(Bucket=landed.bucket, Key=A, Body=b"x\n1\n")
    landed.client.put_object(Bucket=landed.bucket, Key=B, Body=b"y\n3\n4\n")
    assert findings(landed, deep=deep) == [("truncated", A), ("grown", B)]


@deeply
def test_verify_altered_object_of_the_same_size_is_found(landed: Lake, deep: bool) -> None:
    landed.client.put_object(Bucket=landed.bucket, Key=A, Body=b"x\n1\n23\n")
    assert findings(landed, deep=deep) == [("altered", A)]


@pytest.mark.parametrize("s3", ["rclone"], indirect=True)
def test_verify_file_altered_under_the_server_is_found(landed: Lake) -> None:
    assert landed.s3.server.root is not None
    path = landed.s3.server.root / landed.bucket / A
    times = path.stat()
    path.write_bytes(b"x\n1\n23\n")
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    # rclone remembers the MD5 of a file whose time and size stay: only its bytes tell.
    assert findings(landed, deep=True) == [("altered", A)]
    os.utime(path)
    assert findings(landed) == [("altered", A)]


def test_verify_same_bytes_stored_by_another_program_are_no_finding(landed: Lake) -> None:
    landed.client.copy_object(
        Bucket=landed.bucket,
        Key=A,
        CopySource={"Bucket": landed.bucket, "Key": A},
        MetadataDirective="REPLACE",
        Metadata={"by": "another"},
    )
    assert findings(landed) == []


def test_verify_foreign_objects_of_these_days_and_of_none_are_found(landed: Lake) -> None:
    foreign = ["Raw/Local/CSV/F/2024/03/05/z.csv", "Raw/Local/CSV/notes.txt", "Raw/other"]
    for key in [*foreign, "Raw/Local/CSV/F/2024/03/06/later.csv", "Elsewhere/x"]:
        landed.client.put_object(Bucket=landed.bucket, Key=key, Body=b"1")
    assert findings(landed) == [("foreign", key) for key in sorted(foreign)]


@pytest.mark.parametrize("s3", ["rclone"], indirect=True)
def test_verify_object_that_the_server_cannot_give_is_a_finding_among_others(landed: Lake) -> None:
    with fault_proxy(landed.s3.server) as proxy:
        broken = refused(500, "InternalError")
        proxy.add(
            Fault("HeadObject", lambda handler, request: A in request.path and broken(handler, request), times=99)
        )
        client = eager_client(proxy.server, retry_for_s=0.1)
        landed.client.delete_object(Bucket=landed.bucket, Key=B)
        result = verify(Bucket(client, landed.bucket), DAY, DAY)
    assert [(one.kind, one.key) for one in result.findings] == [("unreadable", A), ("deleted", B)]


@pytest.mark.parametrize("s3", ["rclone"], indirect=True)
def test_verify_without_access_to_objects_is_no_finding_but_an_error(landed: Lake) -> None:
    with fault_proxy(landed.s3.server) as proxy:
        proxy.add(Fault("HeadObject", refused(403, "AccessDenied"), times=99))
        with pytest.raises(AccessDenied):
            verify(Bucket(eager_client(proxy.server), landed.bucket), DAY, DAY)


def test_verify_unreadable_manifest_is_found(landed: Lake) -> None:
    key = "Manifests/2024/03/05/zz.json"
    landed.client.put_object(Bucket=landed.bucket, Key=key, Body=b"{")
    assert findings(landed) == [("unreadable manifest", key)]


def test_verify_key_in_several_manifests_is_compared_with_the_last(landed: Lake, tmp_path: Path) -> None:
    run(landed, tmp_path, {"a.csv": "x\n9\n"}, DAY, DAY, name="zz again")
    assert findings(landed) == []


def test_verify_object_of_a_run_of_another_day_is_explained_by_its_manifest(landed: Lake, tmp_path: Path) -> None:
    later = DAY + timedelta(days=40)
    run(landed, tmp_path, {"b.csv": "y\n4\n5\n", "d.csv": "y\n4\n"}, later, DAY)
    assert findings(landed) == []
    landed.client.put_object(Bucket=landed.bucket, Key=A.replace("a.csv", "d.csv"), Body=b"changed")
    assert findings(landed) == [("foreign", A.replace("a.csv", "d.csv"))]


def test_verify_days_without_a_run_say_so(landed: Lake) -> None:
    result = found(landed, start=date(2023, 1, 1), end=date(2023, 1, 2))
    assert "no run ended on these days" in verdict(result, landed.bucket)


def test_verdict_and_markdown_name_the_keys(landed: Lake) -> None:
    landed.client.delete_object(Bucket=landed.bucket, Key=A)
    result = found(landed)
    assert f"1 findings among 3 objects (25 B) that 1 manifests name in s3://{landed.bucket}" in verdict(
        result, landed.bucket
    )
    assert f"{A} (deleted)" in verdict(result, landed.bucket)
    assert "a.csv | **deleted** | is not there (manifest Manifests/2024/03/05/run.json) |" in markdown(
        result, landed.bucket
    )
