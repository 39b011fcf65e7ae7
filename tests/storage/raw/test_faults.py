"""What goes wrong between a run and its server, one fault at a time, judged by what the bucket holds afterwards.

`docs/reliability.md` lists these tests. After each, every object under `Raw/` is complete and equal to a source file,
nothing that was there before is lost, and an error names the file, says what to do, and holds no secret.
"""

from __future__ import annotations

import datetime as dt
import re
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from flows.lake import errors
from flows.lake.bucket import ensure
from flows.lake.raw import upload
from flows.lake.raw.storing import UploadOptions
from flows.lake.s3.bucket import Bucket
from flows.lake.s3.client import RetryPolicy, client_config, use_own_retries
from flows.lake.s3.stale_uploads import abort_stale_uploads
from tests.conftest import S3, fresh_bucket_name
from tests.tools import fault_proxy as faults
from tests.tools.fault_proxy import Fault, FaultProxy
from tests.tools.uploads import (
    RAW,
    SMALL_PARTS,
    eager_client,
    incomplete_uploads,
    keys_under,
    profile_of,
    read_object,
    write_csv,
)

WHOLE = UploadOptions()
LISTED = UploadOptions(look_first=False)
"""As files come whose keys a listing has just shown to be empty: by the quick way."""


@dataclass(frozen=True)
class Broken:
    """A bucket that is used through a proxy that breaks things, and looked at past it."""

    proxy: FaultProxy
    direct: Any
    bucket: str
    path: Path
    options: UploadOptions
    secrets: tuple[str, ...]

    def client(self, **arguments: Any) -> Any:
        return eager_client(self.proxy.server, **arguments)

    def upload(self, client: Any = None, **arguments: Any) -> upload.UploadResult:
        return upload.upload_file(
            Bucket(client or self.client(), self.bucket),
            self.path,
            arguments.pop("profile", None) or profile_of(self.path),
            RAW,
            options=self.options,
            **arguments,
        )

    def fails_with(self, error: type[errors.LakeError], **arguments: Any) -> errors.LakeError:
        """Upload, and check the error for what every error must and must not say."""
        with pytest.raises(error) as caught:
            self.upload(**arguments)
        said = str(caught.value)
        assert self.path.name in said
        assert caught.value.remedy
        assert caught.value.remedy in said
        assert not any(secret in said for secret in self.secrets)
        return caught.value

    def raw(self) -> dict[str, bytes]:
        """Return every object under `Raw/`, read past the proxy."""
        return {key: read_object(self.direct, self.bucket, key) for key in keys_under(self.direct, self.bucket, "Raw/")}

    @property
    def incomplete(self) -> list[str]:
        return incomplete_uploads(self.direct, self.bucket)

    def assert_stored(self) -> None:
        assert self.raw() == {RAW: self.path.read_bytes()}
        assert self.incomplete == []
        assert self.proxy.pending == []

    def assert_nothing_stored(self) -> None:
        assert self.raw() == {}
        assert self.proxy.pending == []


def make(s3: S3, tmp_path: Path, options: UploadOptions, *, checks: bool) -> Iterator[Broken]:
    direct = eager_client(s3.server)
    direct.create_bucket(Bucket=s3.bucket)
    path = tmp_path / "relatório final.csv"
    write_csv(path, 60_000)
    with faults.fault_proxy(s3.server, checks=checks) as proxy:
        yield Broken(proxy, direct, s3.bucket, path, options, (s3.server.secret_key,))


@pytest.fixture(params=[WHOLE, SMALL_PARTS], ids=["one-request", "parts"])
def broken(s3: S3, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Broken]:
    """Both servers, whole files and parts; the proxy checks no digests, so that the server's own care is seen."""
    yield from make(s3, tmp_path, request.param, checks=False)


@pytest.fixture
def listed(s3: S3, tmp_path: Path) -> Iterator[Broken]:
    yield from make(s3, tmp_path, LISTED, checks=False)


@pytest.fixture
def in_parts(s3: S3, tmp_path: Path) -> Iterator[Broken]:
    yield from make(s3, tmp_path, SMALL_PARTS, checks=False)


def sending(broken: Broken) -> dict[str, Any]:
    """Return which operation sends the bytes, for a fault."""
    return {"operation": "PutObject"} if broken.options is not SMALL_PARTS else {"operation": "UploadPart", "part": 2}


PASSING: dict[str, Callable[[], dict[str, Any]]] = {
    "500": lambda: {"act": faults.refused(500, "InternalError")},
    "503": lambda: {"act": faults.refused(503, "SlowDown", "Please reduce your request rate.")},
    "reset": lambda: {"act": faults.reset_in_the_middle, "early": True},
    "answer lost": lambda: {"act": faults.answer_lost},
    "gateway": lambda: {"act": faults.refused(502, "BadGateway")},
}


@pytest.mark.parametrize("kind", PASSING)
def test_fault_that_passes_is_outlasted(broken: Broken, kind: str) -> None:
    broken.proxy.add(Fault(**sending(broken), times=1 if kind == "answer lost" else 3, **PASSING[kind]()))
    result = broken.upload()
    assert result.outcome == "uploaded"
    broken.assert_stored()


@pytest.mark.parametrize("kind", PASSING)
def test_fault_of_the_quick_way_is_outlasted_by_the_other(listed: Broken, kind: str) -> None:
    listed.proxy.add(Fault("PutObject", times=1 if kind == "answer lost" else 3, **PASSING[kind]()))
    assert listed.upload().outcome == "uploaded"
    listed.assert_stored()


def test_fault_body_altered_on_the_quick_way_always_fails_and_leaves_nothing(listed: Broken) -> None:
    listed.proxy.add(Fault("PutObject", act=faults.altered, times=10**6))
    listed.fails_with(errors.IntegrityError)
    assert listed.raw() == {}


def test_fault_burst_on_every_operation_is_outlasted(broken: Broken) -> None:
    broken.proxy.add(Fault("*", faults.refused(503, "SlowDown"), times=6))
    broken.upload()
    broken.assert_stored()


def test_fault_server_stays_busy_fails_and_names_the_file(broken: Broken) -> None:
    broken.proxy.add(Fault(**sending(broken), act=faults.refused(503, "SlowDown"), times=10**6))
    client = broken.client(retry_for_s=0.3)
    error = broken.fails_with(errors.UploadFailed, client=client)
    assert re.search(r"SlowDown.*, \d+ times", str(error))
    assert broken.raw() == {}
    assert broken.incomplete == []


def test_fault_stalled_connection_is_given_up_and_tried_again(broken: Broken) -> None:
    broken.proxy.add(Fault(**sending(broken), act=faults.stall(3), early=True))
    config = client_config(path_style=True).merge(client_config_with_timeout(0.5))
    client = broken.proxy.server.client(config=config)
    use_own_retries(client, RetryPolicy(first_delay_s=0.02))
    broken.upload(client)
    broken.assert_stored()


def client_config_with_timeout(seconds: float) -> Any:
    from botocore.config import Config

    return Config(read_timeout=seconds)


def test_fault_answer_of_complete_lost_is_success(in_parts: Broken) -> None:
    in_parts.proxy.add(Fault("CompleteMultipartUpload", faults.answer_lost))
    assert in_parts.upload().outcome == "uploaded"
    in_parts.assert_stored()


def test_fault_error_in_a_200_of_complete_is_tried_again(in_parts: Broken) -> None:
    in_parts.proxy.add(Fault("CompleteMultipartUpload", faults.error_in_a_200))
    assert in_parts.upload().outcome == "uploaded"
    in_parts.assert_stored()


@pytest.mark.parametrize("damage", [faults.altered, faults.truncated])
def test_fault_body_altered_once_is_sent_again(broken: Broken, damage: Any) -> None:
    broken.proxy.add(Fault(**sending(broken), act=damage))
    assert broken.upload().outcome == "uploaded"
    broken.assert_stored()


@pytest.mark.parametrize("damage", [faults.altered, faults.truncated])
def test_fault_body_altered_always_fails_and_leaves_nothing(broken: Broken, damage: Any) -> None:
    broken.proxy.add(Fault(**sending(broken), act=damage, times=2))
    broken.fails_with(errors.IntegrityError)
    broken.assert_nothing_stored()
    assert broken.incomplete == []


@pytest.mark.parametrize("damage", [faults.altered, faults.truncated])
def test_fault_body_altered_always_keeps_the_object_that_was_there(broken: Broken, damage: Any) -> None:
    old = broken.path.read_bytes()
    broken.upload()
    write_csv(broken.path, 50_000, seed=8)
    broken.proxy.add(Fault(**sending(broken), act=damage, times=2))
    broken.fails_with(errors.IntegrityError)
    kept = [read_object(broken.direct, broken.bucket, key) for key in keys_under(broken.direct, broken.bucket)]
    assert old in kept
    assert set(broken.raw().values()) <= {old}


@pytest.mark.parametrize("options", [WHOLE, SMALL_PARTS], ids=["one-request", "parts"])
def test_fault_body_altered_server_that_checks_refuses_it(s3: S3, tmp_path: Path, options: UploadOptions) -> None:
    for broken in make(s3, tmp_path, options, checks=True):
        broken.proxy.add(Fault(**sending(broken), act=faults.altered))
        broken.upload()
        broken.assert_stored()
        broken.path.write_bytes(broken.path.read_bytes() + b"tt1|more|1\n")
        broken.proxy.add(Fault(**sending(broken), act=faults.altered, times=2))
        broken.fails_with(errors.IntegrityError)


FINAL = {
    "expired": (400, "ExpiredToken", errors.CredentialsExpired, "Renew"),
    "skewed": (403, "RequestTimeTooSkewed", errors.ClockSkewed, "clock"),
    "denied": (403, "AccessDenied", errors.AccessDenied, "permission"),
    "redirected": (301, "PermanentRedirect", errors.BucketInOtherRegion, "region"),
    "vanished": (404, "NoSuchBucket", errors.BucketVanished, "deleted"),
    "wrong key": (403, "InvalidAccessKeyId", errors.CredentialsRejected, "Renew"),
}


@pytest.mark.parametrize("kind", FINAL)
def test_fault_that_stays_fails_at_once_with_its_own_error(broken: Broken, kind: str) -> None:
    status, code, error, remedy = FINAL[kind]
    broken.proxy.add(
        Fault(**sending(broken), act=faults.refused(status, code, x_amz_bucket_region="eu-west-1"), times=3)
    )
    said = broken.fails_with(error)
    assert remedy in str(said)
    assert broken.raw() == {}
    assert broken.proxy.operations().count(sending(broken)["operation"]) <= len(range(0, 60_000, 8192)) + 2
    assert broken.incomplete == []


def test_fault_denied_head_is_no_absence(broken: Broken) -> None:
    broken.proxy.add(Fault("HeadObject", faults.refused(403, "AccessDenied")))
    broken.fails_with(errors.AccessDenied)
    broken.assert_nothing_stored()
    assert set(broken.proxy.operations()) == {"HeadObject", "GetObject"}


@pytest.mark.parametrize("status", [400, 403], ids=["as-aws", "as-others"])
def test_fault_refused_head_is_told_with_the_reason_that_a_get_is_given(broken: Broken, status: int) -> None:
    # Several times, since botocore takes a HEAD's 400 for another region's and asks again where it learns of one.
    broken.proxy.add(Fault("HeadObject", faults.refused(status, "ExpiredToken"), times=9))
    broken.proxy.add(Fault("GetObject", faults.refused(status, "ExpiredToken")))
    said = broken.fails_with(errors.CredentialsExpired)
    assert "S3 answered ExpiredToken" in str(said)
    broken.proxy.faults.clear()
    broken.assert_nothing_stored()


def test_fault_server_gone_for_ten_seconds_is_outlasted(moto: Any, tmp_path: Path) -> None:
    """With the pauses and the patience of a real run."""
    for broken in make(S3(moto, fresh_bucket_name()), tmp_path, SMALL_PARTS, checks=False):
        broken.proxy.add(Fault("UploadPart", broken.proxy.gone_for(10), part=3))
        client = broken.proxy.server.client(config=client_config(path_style=True))
        assert broken.upload(client).outcome == "uploaded"
        broken.assert_stored()


def test_fault_server_that_refuses_checksums_and_conditions_gets_neither(broken: Broken) -> None:
    def refuse_extras(handler: Any, request: faults.Request) -> bool:
        extras = ("x-amz-checksum-crc64nvme", "x-amz-checksum-algorithm", "If-None-Match")
        if any(request.headers.get(name) for name in extras):
            return bool(handler.refuse(501, "NotImplemented", "A header you provided implies unknown functionality."))
        return False

    for operation in ("PutObject", "CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload"):
        broken.proxy.add(Fault(operation, refuse_extras, times=100))
    assert broken.upload().outcome == "uploaded"
    assert broken.raw() == {RAW: broken.path.read_bytes()}
    parts = [one for one in broken.proxy.requests if one.operation == "UploadPart"]
    sent = [(one.headers.get("Content-MD5"), one.headers.get("x-amz-checksum-crc64nvme")) for one in parts]
    assert all(md5 or checksum for md5, checksum in sent)
    assert not parts or any(md5 for md5, _ in sent)


def test_fault_two_runs_at_once_store_each_file_once(broken: Broken) -> None:
    barrier = threading.Barrier(3)

    def run(_: int) -> upload.UploadResult:
        client = broken.client()
        barrier.wait()
        return broken.upload(client)

    with ThreadPoolExecutor(3) as pool:
        results = list(pool.map(run, range(3)))
    assert {result.checksum for result in results} == {profile_of(broken.path).crc64nvme}
    broken.assert_stored()


KILLED = """
import sys
from pathlib import Path
from flows.lake.raw import upload
from flows.lake.s3.bucket import Bucket
from tests.tools.servers import S3Server
from tests.tools.uploads import RAW, SMALL_PARTS, eager_client, profile_of
server = S3Server("x", sys.argv[1], sys.argv[2], sys.argv[3])
path = Path(sys.argv[4])
bucket = Bucket(eager_client(server), sys.argv[5])
upload.upload_file(bucket, path, profile_of(path), RAW, options=SMALL_PARTS)
"""


def test_fault_run_killed_in_mid_multipart_is_completed_by_the_next(in_parts: Broken) -> None:
    server = in_parts.proxy.server
    arguments = [server.endpoint_url, server.access_key, server.secret_key, str(in_parts.path), in_parts.bucket]
    in_parts.proxy.run_and_kill(["-c", KILLED, *arguments], at_part=4)
    assert in_parts.raw() == {}
    assert in_parts.incomplete == [RAW]
    result = in_parts.upload()
    assert result.outcome == "uploaded"
    assert in_parts.raw() == {RAW: in_parts.path.read_bytes()}
    later = dt.datetime.now(dt.UTC) + dt.timedelta(days=2)
    assert abort_stale_uploads(Bucket(in_parts.direct, in_parts.bucket), ["Raw/"], now=later) == 1
    assert in_parts.incomplete == []


def test_fault_only_the_wrong_version_is_ever_deleted(broken: Broken) -> None:
    """The project deletes one thing: the object that it has just written and found to differ."""
    broken.upload()
    write_csv(broken.path, 50_000, seed=4)
    broken.upload()
    broken.upload()
    broken.proxy.add(Fault(**sending(broken), act=faults.refused(503, "SlowDown"), times=2))
    write_csv(broken.path, 40_000, seed=5)
    broken.upload()
    ensure.ensure_bucket(Bucket(broken.client(), broken.bucket))
    assert "DeleteObject" not in broken.proxy.operations()


def test_fault_wrong_object_on_a_versioned_bucket_only_its_version_goes(moto: Any, tmp_path: Path) -> None:
    for broken in make(S3(moto, fresh_bucket_name()), tmp_path, WHOLE, checks=False):
        broken.direct.put_bucket_versioning(Bucket=broken.bucket, VersioningConfiguration={"Status": "Enabled"})
        old = broken.path.read_bytes()
        broken.upload()
        write_csv(broken.path, 50_000, seed=8)
        broken.proxy.add(Fault("PutObject", faults.altered, times=2))
        broken.fails_with(errors.IntegrityError)
        assert broken.raw() == {RAW: old}
        versions = broken.direct.list_object_versions(Bucket=broken.bucket)
        assert len(versions["Versions"]) == 1
        assert "DeleteMarkers" not in versions


def test_fault_bucket_deleted_in_mid_run_is_not_made_again(broken: Broken) -> None:
    broken.direct.delete_bucket(Bucket=broken.bucket)
    broken.fails_with(errors.BucketVanished)
    assert broken.bucket not in [item["Name"] for item in broken.direct.list_buckets()["Buckets"]]
    assert "CreateBucket" not in broken.proxy.operations()
