"""Small objects by a request that is put together without boto3: the same request, and the same object."""

from __future__ import annotations

import hashlib
from typing import Any

import boto3
import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials

from flows.lake.s3.bucket import Bucket
from flows.lake.s3.object_metadata import headers
from flows.lake.s3.quick_put import LARGEST_BYTES, MOST_FAILURES, QuickPut, address_of, quick_put
from flows.lake.s3.transfer import put_whole
from tests.storage.conftest import Lake
from tests.tools.scripted_server import Request, scripted_server
from tests.tools.uploads import RAW, eager_client

DATA = b"a,b\n1,2\n"
SHA256 = hashlib.sha256(DATA).hexdigest()
EVERYTHING = headers(
    content_type="text/csv; charset=utf-8",
    metadata={"source-name": "séries do ano.csv", "rows": "1"},
    tags={"dono": "equipe à"},
    storage_class="STANDARD_IA",
    kms_key_id="alias/lake",
)
OWN = {
    "amz-sdk-invocation-id",
    "amz-sdk-request",
    "authorization",
    "expect",
    "user-agent",
    "x-amz-date",
    "accept-encoding",
}
"""What differs from request to request, or is about boto3 itself."""


def sent_by(quick: bool, arguments: dict[str, Any], answer: Any = None) -> tuple[list[Request], Any]:
    """Return the requests by which an object is stored, and what was made of the answers."""
    with scripted_server(answer or (lambda _: (200, b"", {"ETag": '"x"', "x-amz-version-id": "v1"}))) as script:
        from tests.tools.servers import S3Server

        client = eager_client(S3Server("scripted", script.url, "key", "secret"))
        bucket = Bucket(client, "lake", "123456789012")
        every = arguments | bucket.where
        made = quick_put(bucket).put(DATA, SHA256, every) if quick else client.put_object(Body=DATA, **every)
        return script.requests, made


def signature(request: Request, signed: list[str]) -> str:
    """Return what botocore signs a request with that has the same headers."""
    same = AWSRequest(request.method, f"http://{request.headers['host']}{request.path}")
    for name in signed:
        same.headers[name] = request.headers[name]
    same.context["timestamp"] = request.headers["x-amz-date"]
    signer = S3SigV4Auth(Credentials("key", "secret"), "s3", "us-east-1")
    return str(signer.signature(signer.string_to_sign(same, signer.canonical_request(same)), same))


@pytest.mark.parametrize("key", [RAW, "Raw/a b+c/série (1)/x=%2F~&.csv", "Raw/'!*;,@$:.csv", "Raw/a//b/./c/../d.csv"])
def test_quick_put_sends_what_boto3_sends(key: str) -> None:
    arguments = EVERYTHING | {
        "Key": key,
        "ContentMD5": "1B2M2Y8AsgTpgAmY7PhCfg==",
        "ChecksumAlgorithm": "CRC64NVME",
        "ChecksumCRC64NVME": "AAAAAAAAAAA=",
        "IfNoneMatch": "*",
    }
    (quick,), answered = sent_by(True, arguments)
    (other,), boto = sent_by(False, arguments)
    assert (quick.method, quick.path, quick.body) == (other.method, other.path, other.body)
    dropped = {*OWN, "host"}
    assert {name: value for name, value in quick.headers.items() if name not in dropped} == {
        name: value for name, value in other.headers.items() if name not in dropped
    }
    signed = {each for each in other.headers if each.startswith("x-amz-")} | {"host", "content-md5"}
    said = dict(part.strip().split("=", 1) for part in quick.headers["authorization"].partition(" ")[2].split(","))
    assert signed <= set(said["SignedHeaders"].split(";"))
    assert said["Signature"] == signature(quick, said["SignedHeaders"].split(";"))
    assert answered == {name: boto[name] for name in ("ETag", "VersionId")}


@pytest.mark.parametrize("key", [RAW, "Raw/a b+c/série (1)/x=%2F~&.csv"])
def test_quick_put_object_is_as_boto3_makes_it(lake: Lake, key: str) -> None:
    carried = dict(EVERYTHING)
    if lake.s3.server.name == "rclone":
        carried.pop("StorageClass")
    for name in ("ServerSideEncryption", "SSEKMSKeyId"):
        carried.pop(name)
    arguments = carried | {"Bucket": lake.bucket, "Key": key}
    answered = quick_put(lake.whole).put(DATA, SHA256, arguments)
    assert answered
    assert lake.read(key) == DATA
    quick = lake.client.head_object(Bucket=lake.bucket, Key=key)
    lake.client.put_object(Body=DATA, **arguments)
    other = lake.client.head_object(Bucket=lake.bucket, Key=key)
    assert answered["ETag"] == other["ETag"]
    for field in ("ContentType", "Metadata", "StorageClass", "ETag", "ContentLength", "ServerSideEncryption"):
        assert quick.get(field) == other.get(field), field


def test_quick_put_key_that_holds_something_is_left_to_the_client(lake: Lake) -> None:
    if not lake.versioned:
        pytest.skip("the server knows no conditions")
    lake.client.put_object(Bucket=lake.bucket, Key=RAW, Body=b"first")
    arguments = {"Bucket": lake.bucket, "Key": RAW, "IfNoneMatch": "*"}
    assert quick_put(lake.whole).put(DATA, SHA256, arguments) is None
    assert lake.read(RAW) == b"first"


@pytest.mark.parametrize(
    "arguments",
    [
        {"Metadata": {"name": "é"}},
        {"Metadata": {"name": " x"}},
        {"ContentType": "a\r\nx-evil: 1"},
        {"ContentLength": 8},
    ],
)
def test_quick_put_what_is_no_plain_text_is_left_to_the_client(arguments: dict[str, Any]) -> None:
    requests, answered = sent_by(True, {"Key": RAW} | arguments)
    assert answered is None
    assert requests == []


@pytest.mark.parametrize("answer", [(200, b"<Error/>", {"ETag": '"x"'}), (200, b""), (307, b""), (503, b"busy")])
def test_quick_put_anything_but_a_plain_success_is_left_to_the_client(answer: Any) -> None:
    requests, answered = sent_by(True, {"Key": RAW}, lambda _: answer)
    assert len(requests) == 1
    assert answered is None


def test_quick_put_of_a_large_object_is_left_to_the_client(lake: Lake) -> None:
    large = bytes(LARGEST_BYTES + 1)
    where = {"Bucket": lake.bucket, "Key": RAW}
    assert quick_put(lake.whole).put(large, hashlib.sha256(large).hexdigest(), where) is None
    assert lake.keys() == []


def test_quick_put_after_failures_in_a_row_asks_no_more(lake: Lake) -> None:
    way = QuickPut(Bucket(eager_client(lake.s3.server), "bucket-that-is-not-there"))
    arguments = {"Bucket": "bucket-that-is-not-there", "Key": RAW}
    for _ in range(MOST_FAILURES):
        assert way.put(DATA, SHA256, arguments) is None
    assert way.is_closed


@pytest.mark.parametrize("name", ["lake--use1-az4--x-s3", "arn:aws:s3:us-east-1:123456789012:accesspoint/lake"])
def test_address_of_a_bucket_of_another_kind_is_left_to_the_client(lake: Lake, name: str) -> None:
    assert address_of(lake.whole) is not None
    assert address_of(Bucket(lake.client, name)) is None


@pytest.mark.parametrize(
    ("name", "region", "options", "endpoint"),
    [
        ("lake", "eu-west-1", {}, None),
        ("lake", "us-east-1", {}, None),
        ("lake.of.dots", "eu-west-1", {}, None),
        ("lake", "eu-west-1", {"addressing_style": "path"}, None),
        ("lake", "us-east-1", {"use_dualstack_endpoint": True}, None),
        ("lake", "cn-north-1", {}, None),
        ("lake", "us-east-1", {"addressing_style": "auto"}, "http://127.0.0.1:9000"),
        ("lake", "us-east-1", {"addressing_style": "auto"}, "https://minio.example.org"),
        ("lake", "us-east-1", {"addressing_style": "path"}, "https://minio.example.org/s3"),
    ],
)
def test_address_is_where_boto3_sends(name: str, region: str, options: dict[str, Any], endpoint: str | None) -> None:
    config = Config(s3=options, retries={"total_max_attempts": 1})
    keys = {"aws_access_key_id": "key", "aws_secret_access_key": "secret"}
    client: Any = boto3.client("s3", region_name=region, endpoint_url=endpoint, config=config, **keys)
    sent: list[str] = []

    def stop(request: Any, **_: Any) -> None:
        sent.append(request.url)
        raise InterruptedError

    client.meta.events.register("before-send.s3.PutObject", stop)
    with pytest.raises(InterruptedError):
        client.put_object(Bucket=name, Key="a b/c", Body=DATA)
    address = address_of(Bucket(client, name))
    if address is None:
        assert endpoint is None
        assert options or "." in name
        return
    assert f"{address.scheme}://{address.host}{address.target('a b/c')}" == sent[0]


def test_put_whole_with_a_digest_goes_the_quick_way(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    from flows.lake.s3.s3_object import S3Object

    monkeypatch.setattr(lake.client, "put_object", None)
    sent = put_whole(S3Object(lake.whole, RAW), DATA, {"IfNoneMatch": "*"}, sha256=SHA256)
    assert sent.etag_proves
    assert lake.read(RAW) == DATA
