"""Servers that speak TLS with a private authority: uploads, the policy against plain HTTP, and who is not trusted."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flows.lake import errors
from flows.lake.bucket import ensure
from flows.lake.raw import upload
from flows.lake.raw.storing import UploadOptions
from flows.lake.s3.bucket import Bucket
from flows.lake.s3.client import CHECKSUM_HEADER, client_config
from tests.conftest import fresh_bucket_name
from tests.tools.certificates import Authority
from tests.tools.servers import S3Server, moto_server, rclone_server
from tests.tools.uploads import RAW, SMALL_PARTS, eager_client, profile_of, read_object, write_csv


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.make(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module", params=["moto", "rclone"])
def tls(
    request: pytest.FixtureRequest, authority: Authority, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[S3Server]:
    if request.param == "moto":
        with moto_server(tls=authority) as server:
            yield server
    else:
        with rclone_server(tmp_path_factory.mktemp("rclone-tls"), tls=authority) as server:
            yield server


@pytest.mark.parametrize("options", [UploadOptions(), SMALL_PARTS], ids=["one-request", "parts"])
def test_tls_object_is_stored_without_framing(tls: S3Server, tmp_path: Path, options: UploadOptions) -> None:
    """Over TLS boto3's own checksums go in a trailer, whose framing some servers store inside the object."""
    client, name = eager_client(tls), fresh_bucket_name()
    client.create_bucket(Bucket=name)
    data = write_csv(tmp_path / "a.csv", 60_000)
    sent: list[Any] = []
    client.meta.events.register("before-send.s3", lambda request, **_: sent.append(dict(request.headers)))
    profile = profile_of(tmp_path / "a.csv")
    result = upload.upload_file(Bucket(client, name), tmp_path / "a.csv", profile, RAW, options=options)
    assert result.outcome == "uploaded"
    assert read_object(client, name, RAW) == data
    assert not any("X-Amz-Trailer" in headers or "Content-Encoding" in headers for headers in sent)
    uploads = [headers for headers in sent if CHECKSUM_HEADER in headers and "Expect" in headers]
    assert uploads
    assert {headers["x-amz-content-sha256"] for headers in uploads} == {b"UNSIGNED-PAYLOAD"}


def test_tls_bucket_gets_the_policy_against_plain_http(tls: S3Server) -> None:
    client, name = eager_client(tls), fresh_bucket_name()
    states = {setting.name: setting.state for setting in ensure.ensure_bucket(Bucket(client, name)).settings}
    assert states["TLS only"] == ("applied" if tls.versioned else "not offered")
    assert client.list_objects_v2(Bucket=name).get("KeyCount", 0) == 0


def test_tls_unknown_authority_is_refused_at_once(tls: S3Server) -> None:
    """With the patience of a real run: waiting would not cure it."""
    client = tls.client(config=client_config(path_style=True), verify=True)
    started = time.monotonic()
    with pytest.raises(errors.CertificateRejected, match="CA bundle"):
        ensure.ensure_bucket(Bucket(client, fresh_bucket_name()))
    assert time.monotonic() - started < 10


def test_tls_spoken_to_a_plain_server_is_refused_at_once(moto: S3Server) -> None:
    url = moto.endpoint_url.replace("http://", "https://")
    client = moto.client(config=client_config(path_style=True), endpoint_url=url)
    started = time.monotonic()
    with pytest.raises(errors.StorageError, match="https://"):
        ensure.ensure_bucket(Bucket(client, fresh_bucket_name()))
    assert time.monotonic() - started < 10
