"""Fixtures that every kind of test shares: an environment without the developer's own AWS settings, and S3 servers."""

from __future__ import annotations

import gc
import os
import signal
import tempfile
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.tools.servers import S3Server, moto_server, rclone_server

# Python would look for circles through the objects of all modules and tests, over and over: a twentieth of the time.
gc.set_threshold(50_000, 20, 50)

# A shell that starts tests in the background has them ignore SIGINT, and so would the programs that tests interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def may_read_everything() -> bool:
    """Say whether this process may open files without having the right to, as root's usually may."""
    with tempfile.NamedTemporaryFile() as file:
        Path(file.name).chmod(0)
        return os.access(file.name, os.R_OK)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if may_read_everything():
        skip = pytest.mark.skip(reason="root may read everything: run by test_unprivileged.py")
        for item in items:
            if item.get_closest_marker("unprivileged"):
                item.add_marker(skip)


@pytest.fixture(scope="session", autouse=True)
def no_aws_settings() -> Iterator[None]:
    """Take every AWS_* variable away, and the shared files, so that no test depends on the developer's machine."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            patch.delenv(name)
        patch.setenv("AWS_CONFIG_FILE", os.devnull)
        patch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        yield


@pytest.fixture(scope="session")
def moto() -> Iterator[S3Server]:
    with moto_server() as server:
        yield server


@pytest.fixture(scope="session")
def rclone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with rclone_server(tmp_path_factory.mktemp("rclone")) as server:
        yield server


@dataclass(frozen=True)
class S3:
    """One server with the name of a bucket that nobody has used; the bucket itself is not made."""

    server: S3Server
    bucket: str

    @property
    def endpoint_url(self) -> str:
        return self.server.endpoint_url

    def client(self, **arguments: Any) -> Any:
        return self.server.client(**arguments)


def fresh_bucket_name() -> str:
    return f"lake-{uuid.uuid4().hex[:16]}"


@pytest.fixture(params=["moto", "rclone"])
def s3(request: pytest.FixtureRequest) -> S3:
    return S3(server=request.getfixturevalue(request.param), bucket=fresh_bucket_name())
