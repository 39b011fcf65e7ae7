"""The embedded lake is a folder of plain files: what people do to it by hand is seen by the next run."""

from __future__ import annotations

import hashlib
import os
import shutil
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import S3
from tests.flows.conftest import store_block

DAY = date(2024, 3, 5)
KEY = "Raw/Local/CSV/Clientes/2024/03/05/clientes.csv"
CONTENT = b"id,nome\n1,Ana\n"
pytestmark = pytest.mark.parametrize("s3", ["rclone"], indirect=True)


def truncate(path: Path) -> None:
    path.write_bytes(CONTENT[:-4])


def alter(path: Path) -> None:
    path.write_bytes(CONTENT.replace(b"Ana", b"Bia"))


def alter_and_keep_the_time(path: Path) -> None:
    info = path.stat()
    alter(path)
    os.utime(path, ns=(info.st_atime_ns, info.st_mtime_ns))


def rename(path: Path) -> None:
    path.rename(path.with_name("other.csv"))


def remove_the_dataset(path: Path) -> None:
    shutil.rmtree(path.parents[3])


CHANGES = [Path.unlink, truncate, alter, alter_and_keep_the_time, rename, remove_the_dataset]


def seen_by(s3: S3, path: Path) -> None:
    """Wait until the server has looked at its folder again, as it does every second."""
    deadline = time.monotonic() + 60
    there = hashlib.md5(path.read_bytes()).hexdigest() if path.exists() else None
    while time.monotonic() < deadline:
        listed = s3.client().list_objects_v2(Bucket=s3.bucket, Prefix=KEY).get("Contents", [])
        if [one["ETag"].strip('"') for one in listed] == ([there] if there else []):
            return
    raise AssertionError("the server does not look")


@pytest.fixture
def landed(ingest: Callable[..., Any], s3: S3, tmp_path: Path) -> Path:
    """Land a file, and return where the lake keeps it."""
    (tmp_path / "clientes.csv").write_bytes(CONTENT)
    os.utime(tmp_path / "clientes.csv", (1_700_000_000, 1_700_000_000))
    assert ingest(tmp_path, partition_date=DAY).is_completed()
    assert s3.server.root
    return s3.server.root / s3.bucket / KEY


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_object_that_was_changed_by_hand_is_uploaded_again(
    ingest: Callable[..., Any], s3: S3, tmp_path: Path, landed: Path, change: Callable[[Path], object]
) -> None:
    change(landed)
    seen_by(s3, landed)
    (outcome,) = ingest(tmp_path, partition_date=DAY).result().outcomes
    assert outcome.state == "uploaded"
    assert landed.read_bytes() == CONTENT


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_deep_verification_finds_what_was_changed_by_hand(
    s3: S3, landed: Path, change: Callable[[Path], object]
) -> None:
    from flows.verify_raw import verify_raw

    change(landed)
    seen_by(s3, landed)
    block = store_block("behind-the-back", s3)
    state = verify_raw(s3.bucket, block, DAY, DAY, deep=True, return_state=True)
    assert state.is_failed()
    assert KEY in state.message
