"""A bucket with Object Lock: takes no bytes without a digest, and keeps what it took, from its owner too.

moto asks for no digest, so the proxy does, with the words of AWS; and moto locks only what came in one request. The
server beyond the proxy may know checksums or refuse them: then an MD5 has to go along.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from flows.lake.copying.lake_copy import copy_lake
from flows.lake.copying.results import CopyOptions
from flows.lake.errors import IntegrityError
from flows.lake.manifests.store import ManifestStore
from flows.lake.manifests.verify import verify
from flows.lake.raw.upload import upload_file
from flows.lake.s3.bucket import Bucket
from tests.conftest import fresh_bucket_name
from tests.tools import fault_proxy as faults
from tests.tools.fault_proxy import Fault, FaultProxy, Request
from tests.tools.lakes import DAY, everything, land
from tests.tools.servers import S3Server
from tests.tools.uploads import RAW, SMALL_PARTS, eager_client, profile_of, read_object, write_csv

CHECKSUM = "x-amz-checksum-crc64nvme"
OF_BODIES = ("PutObject", "UploadPart")
ALWAYS = 10**6


def wants_a_digest(handler: Any, request: Request) -> bool:
    if any(request.headers.get(name) for name in ("Content-MD5", CHECKSUM)):
        return False
    return bool(handler.refuse(400, "InvalidRequest", "Missing required header for this request: Content-MD5"))


def knows_no_checksums(handler: Any, request: Request) -> bool:
    extras = (CHECKSUM, "x-amz-checksum-algorithm", "x-amz-checksum-type", "If-None-Match")
    if any(request.headers.get(name) for name in extras):
        return bool(handler.refuse(501, "NotImplemented", "A header you provided is not implemented."))
    return request.operation in OF_BODIES and wants_a_digest(handler, request)


@dataclass(frozen=True)
class Locked:
    """A bucket with Object Lock, behind a proxy."""

    bucket: Bucket
    proxy: FaultProxy

    @property
    def bodies(self) -> list[Request]:
        return [one for one in self.proxy.requests if one.operation in OF_BODIES]

    def is_locked(self, key: str) -> bool:
        head = self.bucket.client.head_object(Bucket=self.bucket.name, Key=key)
        return head.get("ObjectLockMode") == "GOVERNANCE"


@pytest.fixture(params=["checksums", "no checksums"])
def locked(request: pytest.FixtureRequest, moto: S3Server) -> Iterator[Locked]:
    with faults.fault_proxy(moto) as proxy:
        bucket = Bucket(eager_client(proxy.server), fresh_bucket_name())
        bucket.client.create_bucket(Bucket=bucket.name, ObjectLockEnabledForBucket=True)
        rule: Any = {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 1}}
        bucket.client.put_object_lock_configuration(
            Bucket=bucket.name, ObjectLockConfiguration={"ObjectLockEnabled": "Enabled", "Rule": rule}
        )
        act: Callable[[Any, Request], bool] = wants_a_digest
        operations = OF_BODIES
        if request.param == "no checksums":
            act, operations = knows_no_checksums, (*OF_BODIES, "CreateMultipartUpload", "CompleteMultipartUpload")
        proxy.add(*(Fault(operation, act, times=ALWAYS) for operation in operations))
        yield Locked(bucket, proxy)


@pytest.mark.parametrize(
    "options", [replace(SMALL_PARTS, multipart_above_bytes=10**6), SMALL_PARTS], ids=["one", "parts"]
)
def test_upload_into_a_locked_bucket_carries_a_digest_with_all_bytes(
    locked: Locked, tmp_path: Path, options: Any
) -> None:
    data = write_csv(tmp_path / "a.csv", 40_000)
    result = upload_file(locked.bucket, tmp_path / "a.csv", profile_of(tmp_path / "a.csv"), RAW, options=options)
    assert result.outcome == "uploaded"
    assert read_object(locked.bucket.client, locked.bucket.name, RAW) == data
    assert locked.is_locked(RAW) or options is SMALL_PARTS
    assert all(one.operation == ("UploadPart" if options is SMALL_PARTS else "PutObject") for one in locked.bodies)


@pytest.mark.parametrize("quick", [True, False])
def test_copy_into_a_locked_bucket_carries_a_digest_with_all_bytes(
    locked: Locked, moto: S3Server, tmp_path: Path, quick: bool
) -> None:
    source = Bucket(eager_client(moto), fresh_bucket_name())
    source.client.create_bucket(Bucket=source.name)
    land(source, tmp_path, {"a.csv": "x\n1\n", "large.csv": write_csv(tmp_path / "l", 40_000)})
    options = CopyOptions(upload=replace(SMALL_PARTS, tags={}), quick=quick)
    report = copy_lake(ManifestStore(source), ManifestStore(locked.bucket), options=options)
    assert report.bad == []
    assert {one.operation for one in locked.bodies} == set(OF_BODIES)
    held = everything(locked.bucket.client, locked.bucket.name)
    assert all(locked.is_locked(key) for key in held if not key.endswith("large.csv"))
    assert {key for key in held if key.startswith("Raw/")} == set(everything(source.client, source.name, "Raw/"))
    assert verify(locked.bucket, DAY, DAY, deep=True).findings == ()


@pytest.mark.parametrize("quick", [True, False])
def test_copy_of_what_arrives_altered_and_is_locked_is_told_and_the_others_go_on(
    locked: Locked, moto: S3Server, tmp_path: Path, quick: bool
) -> None:
    def of_one_key(handler: Any, request: Request) -> bool:
        return "/a.csv" in request.path and faults.altered(handler, request)

    source = Bucket(eager_client(moto), fresh_bucket_name())
    source.client.create_bucket(Bucket=source.name)
    land(source, tmp_path, {"a.csv": "x\n1\n", "b.csv": "x\n2\n"})
    locked.proxy.faults.insert(0, Fault("PutObject", of_one_key, times=ALWAYS))
    report = copy_lake(ManifestStore(source), ManifestStore(locked.bucket), options=CopyOptions(quick=quick))
    (one,) = [one for one in report.bad if one.key.endswith("a.csv")]
    assert one.state in ("conflict", "failed")
    held = everything(locked.bucket.client, locked.bucket.name)
    assert any(key.endswith("b.csv") for key in held)
    assert not any(key.startswith("Manifests/") for key in held)


def test_upload_of_what_arrives_altered_and_is_locked_names_the_version(locked: Locked, tmp_path: Path) -> None:
    write_csv(tmp_path / "a.csv", 4_000)
    locked.proxy.faults.insert(0, Fault("PutObject", faults.altered, times=ALWAYS))
    with pytest.raises(IntegrityError, match=r"Object Lock\?\), and is still there as version \S+"):
        upload_file(locked.bucket, tmp_path / "a.csv", profile_of(tmp_path / "a.csv"), RAW, options=SMALL_PARTS)
