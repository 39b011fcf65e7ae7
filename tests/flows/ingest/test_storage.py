"""A whole run as its requests and its end show it: the storage parameters, and faults that only a run can meet."""

from __future__ import annotations

import errno
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from flows import connection
from flows.ingest_raw import ingest_raw
from flows.lake.raw.storing import UploadOptions
from flows.lake.run_models import LakeAddress
from tests.conftest import S3
from tests.flows.conftest import log_of, objects, store_block
from tests.tools import fault_proxy as faults
from tests.tools.fault_proxy import Fault, FaultProxy, fault_proxy
from tests.tools.uploads import incomplete_uploads

SAMPLE = Path(__file__).parents[3] / "data/sample"
DAY = date(2024, 3, 5)
OURS = "123456789012"
RAW = "Raw/Local/CSV/Movies/2024/03/05/movies.csv"
QUARANTINED = "Quarantine/Local/CSV/Ragged/2024/03/05/ragged.csv"
WITHOUT_BUCKET = {"CreateBucket", "ListBuckets"}


@pytest.fixture
def watched(s3: S3) -> Iterator[FaultProxy]:
    """A proxy between the flow and the server, which knows what was sent; its requests are those of the run."""
    with fault_proxy(s3.server) as proxy:
        yield proxy


@pytest.fixture
def run(s3: S3, watched: FaultProxy, tmp_path: Path) -> Callable[..., Any]:
    block = store_block(f"watched-{s3.server.name}", S3(watched.server, s3.bucket))
    shutil.copy(SAMPLE / "movies.csv", tmp_path)
    (tmp_path / "ragged.csv").write_text("a,b\n1,2\n1,2,3,4\n")

    def start(**parameters: Any) -> Any:
        given = {"source": tmp_path, "bucket": s3.bucket, "credentials": block, "partition_date": DAY}
        return ingest_raw(**(given | parameters), return_state=True)

    return start


def test_ingest_expected_owner_goes_with_every_request_of_a_run(run: Callable[..., Any], watched: FaultProxy) -> None:
    for _ in range(2):  # one that makes the bucket and stores, one that finds all there
        run(expected_bucket_owner=OURS)
    run(expected_bucket_owner=OURS, dry_run=True)
    without = {
        request.operation for request in watched.requests if request.headers.get("x-amz-expected-bucket-owner") != OURS
    }
    assert without <= WITHOUT_BUCKET
    assert {"PutObject", "HeadObject", "ListObjectsV2"} <= set(watched.operations())


def test_ingest_bucket_of_another_owner_gets_no_byte(run: Callable[..., Any], watched: FaultProxy, s3: S3) -> None:
    s3.client().create_bucket(Bucket=s3.bucket)

    def as_its_owner_would(handler: Any, request: faults.Request) -> bool:
        sent = request.headers.get("x-amz-expected-bucket-owner")
        return bool(handler.refuse(403, "AccessDenied")) if sent and sent != OURS else False

    watched.add(Fault("*", as_its_owner_would, times=10**6))
    state = run(expected_bucket_owner="210987654321")
    assert state.is_failed()
    assert "belongs to someone else than 210987654321" in state.message
    assert objects(s3) == {}
    assert not [request for request in watched.requests if request.method != "GET" and request.body]


def test_ingest_tags_class_and_key_are_on_what_is_stored(run: Callable[..., Any], s3: S3) -> None:
    given = {
        "tags": {"team": "dados á", "cost-centre": "42"},
        "storage_class": "STANDARD_IA",
        "kms_key_id": "alias/lake",
    }
    state = run(**given, tags_as="tags" if s3.server.versioned else "metadata")  # rclone would forget them
    assert "ragged.csv" in state.message
    stored = {key for key in objects(s3) if not key.startswith(("Manifests/", "Catalog/"))}
    assert stored == {RAW, QUARANTINED, "Logs/log-ingestao-20240305.txt"}
    if not s3.server.versioned:
        return  # rclone keeps no class and no key; it must take them all the same
    client = s3.client()
    for key in (RAW, QUARANTINED):
        tags = client.get_object_tagging(Bucket=s3.bucket, Key=key)["TagSet"]
        assert {tag["Key"]: tag["Value"] for tag in tags} == {"team": "dados á", "cost-centre": "42"}
        assert client.head_object(Bucket=s3.bucket, Key=key)["StorageClass"] == "STANDARD_IA"
    [rule] = client.get_bucket_encryption(Bucket=s3.bucket)["ServerSideEncryptionConfiguration"]["Rules"]
    assert rule["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": "alias/lake"}
    assert rule["BucketKeyEnabled"] is True


def test_ingest_gives_up_what_killed_runs_left_incomplete(run: Callable[..., Any], s3: S3) -> None:
    """moto dates every upload to 2010, rclone to now: the one is old, the other may be a run that is under way."""
    client = s3.client()
    client.create_bucket(Bucket=s3.bucket)
    for key in (RAW, QUARANTINED, "Elsewhere/other.csv"):
        client.create_multipart_upload(Bucket=s3.bucket, Key=key)
    run()
    if s3.server.versioned:
        assert incomplete_uploads(client, s3.bucket) == ["Elsewhere/other.csv"]
        assert "2 incomplete uploads of killed runs were given up" in log_of(s3)
    else:
        assert sorted(incomplete_uploads(client, s3.bucket)) == ["Elsewhere/other.csv", QUARANTINED, RAW]


@pytest.mark.parametrize("s3", ["moto"], indirect=True)
def test_ingest_ends_well_where_incomplete_uploads_may_not_be_listed(
    run: Callable[..., Any], watched: FaultProxy, s3: S3
) -> None:
    s3.client().create_bucket(Bucket=s3.bucket)
    watched.add(Fault("ListMultipartUploads", faults.refused(403, "AccessDenied"), times=2))
    state = run(pattern="movies.csv")
    assert state.is_completed(), state.message
    assert "Incomplete uploads of earlier runs could not be given up" in log_of(s3)


@pytest.mark.usefixtures("run")
@pytest.mark.parametrize("s3", ["moto"], indirect=True)
def test_client_of_a_run_keeps_a_connection_for_each_part_under_way(s3: S3) -> None:
    client = connection.connect(LakeAddress(s3.bucket, f"watched-{s3.server.name}", "a run")).client
    assert client.meta.config.max_pool_connections >= connection.THREADS * UploadOptions().concurrency


@pytest.mark.parametrize("s3", ["moto"], indirect=True)
def test_ingest_that_may_write_nothing_anywhere_still_ends_with_its_reasons(
    run: Callable[..., Any], watched: FaultProxy, s3: S3, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Access denied on PutObject alone, which the log needs as well, and no room for a local copy of it."""

    def full(**_: Any) -> str:
        raise OSError(errno.ENOSPC, "No space left on device")

    s3.client().create_bucket(Bucket=s3.bucket)
    watched.add(Fault("PutObject", faults.refused(403, "AccessDenied"), times=10**6))
    monkeypatch.setattr(tempfile, "mkdtemp", full)
    state = run()
    assert state.is_failed()
    for part in ("2 of 2 files did not land", "movies.csv", "ragged.csv", "Give these credentials the permission"):
        assert part in state.message
    assert "no copy could be kept on this machine either (No space left on device)" in state.message
    assert s3.server.secret_key not in state.message
    assert objects(s3) == {}


@pytest.mark.parametrize("s3", ["moto"], indirect=True)
def test_ingest_whose_token_expires_in_mid_run_keeps_what_landed_and_says_how_to_renew(
    run: Callable[..., Any], watched: FaultProxy, s3: S3
) -> None:
    expired = faults.refused(400, "ExpiredToken", "The provided token has expired.")
    watched.add(Fault("PutObject", expired, times=10**6, after=1))
    state = run(pattern="movies.csv")
    assert state.is_failed()
    assert list(objects(s3)) == [RAW]
    assert "ExpiredToken" in state.message
    assert "Renew it with" in state.message
    kept = re.search(r"it is kept as (\S+)\.$", state.message)
    assert kept
    assert "Run ended Failed: The log could not be shipped" in Path(kept[1]).read_text().splitlines()[-1]


@pytest.mark.parametrize("s3", ["moto"], indirect=True)
def test_ingest_server_without_tags_is_noticed_before_the_first_file(
    run: Callable[..., Any], watched: FaultProxy, s3: S3
) -> None:
    def refuse_tags(handler: Any, request: faults.Request) -> bool:
        tagging = request.headers.get("x-amz-tagging") or ("tagging" in request.path and "csv" not in request.path)
        of_object = request.path.count("/") > 1 and tagging
        return bool(of_object) and bool(handler.refuse(501, "NotImplemented", "x-amz-tagging is not implemented."))

    watched.add(Fault("*", refuse_tags, times=10**6))
    state = run(tags={"team": "dados"})
    assert state.is_failed()
    assert "tags_as=metadata" in state.message
    assert objects(s3, "Raw/") == {}
    run(tags={"Team": "dados é"}, tags_as="metadata")
    head = s3.client().head_object(Bucket=s3.bucket, Key=RAW)
    assert head["Metadata"]["tag-team"] == "dados %C3%A9"
    assert "TagCount" not in head


@pytest.mark.parametrize("s3", ["moto"], indirect=True)
def test_ingest_with_retention_lands_what_its_owner_cannot_delete(run: Callable[..., Any], s3: S3) -> None:
    from botocore.exceptions import ClientError

    run(retention_days=7)
    client = s3.client()
    head = client.head_object(Bucket=s3.bucket, Key=RAW)
    assert head["ObjectLockMode"] == "GOVERNANCE"
    with pytest.raises(ClientError, match="AccessDenied"):
        client.delete_object(Bucket=s3.bucket, Key=RAW, VersionId=head["VersionId"])
    run(retention_days=7)
    assert len(client.list_object_versions(Bucket=s3.bucket, Prefix=RAW)["Versions"]) == 1
