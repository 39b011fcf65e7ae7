"""The servers of the tests themselves: they answer, keep bytes, and go away."""

from __future__ import annotations

import socket
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from botocore.exceptions import ClientError

from tests.conftest import S3
from tests.tools.fault_proxy import fault_proxy
from tests.tools.servers import moto_server, rclone_server


def test_server_object_put_reads_back(s3: S3) -> None:
    client = s3.client()
    client.create_bucket(Bucket=s3.bucket)
    client.put_object(Bucket=s3.bucket, Key="Raw/a.csv", Body=b"a|b\n1|2\n")
    assert client.get_object(Bucket=s3.bucket, Key="Raw/a.csv")["Body"].read() == b"a|b\n1|2\n"


def test_rclone_server_wrong_secret_is_refused(s3: S3) -> None:
    if s3.server.name != "rclone":
        pytest.skip("moto believes every signature")
    with pytest.raises(ClientError, match="SignatureDoesNotMatch"):
        s3.client(aws_secret_access_key="wrong").list_buckets()


@pytest.mark.parametrize("which", ["moto", "rclone"])
def test_server_context_ends_server_is_gone(which: str, tmp_path: Path) -> None:
    with moto_server() if which == "moto" else rclone_server(tmp_path) as server:
        server.client().list_buckets()
    with pytest.raises(OSError, match="refused"):
        urllib.request.urlopen(server.endpoint_url, timeout=5)


def test_proxy_body_cut_short_by_its_client_goes_no_further(s3: S3) -> None:
    """A client killed in mid-send: passed on as if it were whole, half a part makes rclone end the whole upload."""
    s3.client().create_bucket(Bucket=s3.bucket)
    with fault_proxy(s3.server) as proxy:
        address = urlsplit(proxy.server.endpoint_url)
        with socket.create_connection((address.hostname, address.port)) as client:
            client.sendall(f"PUT /{s3.bucket}/cut HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf".encode())
            client.shutdown(socket.SHUT_WR)
            assert client.recv(1024) == b""
        assert proxy.operations() == ["PutObject"]
    assert s3.client().list_objects_v2(Bucket=s3.bucket).get("KeyCount", 0) == 0
