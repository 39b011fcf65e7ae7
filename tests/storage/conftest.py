"""Fixtures of the storage tests: a client as the project uses it, with a bucket that is there."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from flows.lake.s3.bucket import Bucket
from tests.conftest import S3
from tests.tools.uploads import eager_client, keys_under, read_object, write_csv


@dataclass(frozen=True)
class Lake:
    """A client, a bucket that exists, and a source file."""

    s3: S3
    client: Any
    bucket: str
    path: Path

    @property
    def whole(self) -> Bucket:
        """The bucket as the project takes it."""
        return Bucket(self.client, self.bucket)

    @property
    def versioned(self) -> bool:
        return self.s3.server.versioned

    def read(self, key: str, **arguments: Any) -> bytes:
        return read_object(self.client, self.bucket, key, **arguments)

    def keys(self, prefix: str = "") -> list[str]:
        return keys_under(self.client, self.bucket, prefix)


@pytest.fixture
def lake(s3: S3, tmp_path: Path) -> Lake:
    """A plain bucket, without versions on both servers, and a file of 100 KB whose name has an accent and a space."""
    client = eager_client(s3.server)
    client.create_bucket(Bucket=s3.bucket)
    path = tmp_path / "séries do ano.csv"
    write_csv(path, 100 * 1024)
    return Lake(s3=s3, client=client, bucket=s3.bucket, path=path)
