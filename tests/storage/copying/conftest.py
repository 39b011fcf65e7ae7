"""Two lakes: on one server or on two, of one kind or of both."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from flows.lake.copying.lake_copy import copy_lake
from flows.lake.copying.results import CopyOptions, CopyReport
from flows.lake.manifests.store import ManifestStore
from flows.lake.manifests.verify import Verification, verify
from flows.lake.s3.bucket import Bucket
from tests.conftest import fresh_bucket_name
from tests.tools.lakes import DAY, everything, land
from tests.tools.servers import S3Server
from tests.tools.uploads import SMALL_PARTS, eager_client, incomplete_uploads

KEY = b"signs"
SMALL = replace(SMALL_PARTS, tags={})


@dataclass(frozen=True)
class Lakes:
    """A lake, the bucket of another, and a folder for source files."""

    source: Bucket
    target: Bucket
    folder: Path
    versioned: bool

    def land(self, files: dict[str, str | bytes], *arguments: Any, **options: Any) -> str:
        return land(self.source, self.folder, files, *arguments, **options)

    def copy(self, source: Bucket | None = None, target: Bucket | None = None, **options: Any) -> CopyReport:
        days = [options.pop(name, None) for name in ("start", "end")]
        return copy_lake(
            ManifestStore(source or self.source, KEY),
            ManifestStore(target or self.target, KEY),
            *days,
            options=CopyOptions(upload=SMALL, **options),
        )

    def verified(self, *, deep: bool = True, bucket: Bucket | None = None) -> Verification:
        return verify(bucket or self.target, DAY, DAY.replace(day=28), deep=deep)

    def of_source(self, prefix: str = "") -> dict[str, bytes]:
        return everything(self.source.client, self.source.name, prefix)

    def of_target(self, prefix: str = "") -> dict[str, bytes]:
        return everything(self.target.client, self.target.name, prefix)

    @property
    def incomplete(self) -> list[str]:
        return incomplete_uploads(self.target.client, self.target.name)


def make(source: S3Server, target: S3Server, folder: Path, *, versioned: bool = False) -> Lakes:
    buckets = []
    for server in (source, target):
        bucket = Bucket(eager_client(server), fresh_bucket_name())
        bucket.client.create_bucket(Bucket=bucket.name)
        if versioned:
            status = {"Status": "Enabled"}
            bucket.client.put_bucket_versioning(Bucket=bucket.name, VersioningConfiguration=status)  # type: ignore[arg-type]
        buckets.append(bucket)
    return Lakes(*buckets, folder, versioned)


@pytest.fixture(params=["moto-rclone", "rclone-moto", "rclone-rclone", "versioned"])
def lakes(request: pytest.FixtureRequest, tmp_path: Path) -> Lakes:
    if request.param == "versioned":
        moto = request.getfixturevalue("moto")
        return make(moto, moto, tmp_path, versioned=True)
    source, target = (request.getfixturevalue(name) for name in request.param.split("-"))
    return make(source, target, tmp_path)


@pytest.fixture
def versioned(moto: S3Server, tmp_path: Path) -> Lakes:
    return make(moto, moto, tmp_path, versioned=True)


@pytest.fixture
def plain(rclone: S3Server, tmp_path: Path) -> Lakes:
    return make(rclone, rclone, tmp_path)
