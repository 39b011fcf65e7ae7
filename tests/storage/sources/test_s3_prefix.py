"""A source that is a prefix of S3, against both servers."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from flows.lake.errors import SourceChanged, SourceNotFound
from flows.lake.raw.ingest_file import ingest_file
from flows.lake.raw.raw_layer import RawLayer
from flows.lake.s3.bucket import Bucket
from flows.lake.settings import IngestSettings
from flows.lake.sources.folder import find_files
from tests.conftest import S3
from tests.tools import rules

DAY = date(2024, 3, 5)
OBJECTS = {"in/a.csv": b"x,y\n1,2\n", "in/B.CSV": b"x\n1\n", "in/.hidden.csv": b"x\n", "in/sub/c.csv": b"x\n2\n"}


@pytest.fixture
def client(s3: S3) -> Any:
    client = s3.client()
    client.create_bucket(Bucket=s3.bucket)
    for key, body in OBJECTS.items():
        client.put_object(Bucket=s3.bucket, Key=key, Body=body)
    return client


def settings(source: str, bucket: str, **more: Any) -> IngestSettings:
    return rules.settings(source=Path(source), bucket=bucket, timezone="UTC", **more)


def test_source_s3_files_are_those_of_the_prefix(client: Any, s3: S3) -> None:
    folder = find_files(settings(f"s3://{s3.bucket}/in", s3.bucket), DAY, client)
    assert sorted(file.path.name for file in folder.files) == ["B.CSV", "a.csv"]
    assert folder.hidden == 1
    deep = find_files(settings(f"s3://{s3.bucket}/in/", s3.bucket, recursive=True), DAY, client)
    assert sorted(file.path.name for file in deep.files) == ["B.CSV", "a.csv", "c.csv"]


def test_source_s3_file_lands_byte_for_byte_under_its_own_name(client: Any, s3: S3) -> None:
    (file,) = find_files(settings(f"s3://{s3.bucket}/in", s3.bucket, pattern="a.csv"), DAY, client).files
    outcome = ingest_file(file, RawLayer(Bucket(client, s3.bucket)))
    assert (outcome.state, outcome.path, outcome.size_bytes) == ("uploaded", file.path, 8)
    assert outcome.profile
    assert outcome.profile.shape == (1, 2)
    stored = client.get_object(Bucket=s3.bucket, Key="Raw/Local/CSV/A/2024/03/05/a.csv")["Body"].read()
    assert stored == OBJECTS["in/a.csv"]


def test_source_s3_object_replaced_since_it_was_listed_fails_alone(client: Any, s3: S3) -> None:
    (file,) = find_files(settings(f"s3://{s3.bucket}/in", s3.bucket, pattern="a.csv"), DAY, client).files
    client.put_object(Bucket=s3.bucket, Key="in/a.csv", Body=b"x,y\n3,4\n")
    outcome = ingest_file(file, RawLayer(Bucket(client, s3.bucket)))
    assert outcome.state == "failed"
    assert "s3://" in outcome.reason
    assert "listed" in outcome.reason or "changed" in outcome.reason


def test_source_s3_missing_bucket_or_empty_prefix_is_named(client: Any, s3: S3) -> None:
    with pytest.raises(SourceNotFound, match="no-such-bucket-here"):
        find_files(settings("s3://no-such-bucket-here/in", s3.bucket), DAY, client)
    with pytest.raises(SourceNotFound, match=f"s3://{s3.bucket}/nothing"):
        find_files(settings(f"s3://{s3.bucket}/nothing", s3.bucket), DAY, client)


def test_source_s3_origin_with_another_etag_is_refused(client: Any, s3: S3) -> None:
    from flows.lake.sources.s3_prefix import as_file

    (file,) = find_files(settings(f"s3://{s3.bucket}/in", s3.bucket, pattern="a.csv"), DAY, client).files
    assert file.origin
    other = replace(file, origin=replace(file.origin, etag="0" * 32))
    with pytest.raises(SourceChanged), as_file(client, other):
        pass


KILLED = """
import os, signal, sys
import os
import signal
import subprocess
import sys
from dataclasses import replace
from datetime import date
from pathlib import Path
import boto3
from flows.lake.landing import mask_file
from flows.lake.masking_rules import MaskingRules
from flows.lake.models import FileContract
from flows.lake.raw.masked_file import masked_file, no_keys
from flows.lake.sources import s3_prefix
from flows.lake.sources.folder import find_files
from tests.storage.sources.test_s3_prefix import DAY, settings

when, bucket, endpoint, key, secret = sys.argv[1:]
client = boto3.client(
    "s3", endpoint_url=endpoint, aws_access_key_id=key, aws_secret_access_key=secret, region_name="us-east-1"
)
die = lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)
if when == "fetched":
    s3_prefix.os.utime = die
whole = mask_file.compressed

def cut_off(pieces, compression):
    for piece in whole(pieces, compression):
        if when == "amid":
            die()
        yield piece

mask_file.compressed = cut_off
(file,) = find_files(settings(f"s3://{bucket}/people", bucket), DAY, client).files
file = replace(file, contract=FileContract(mask=MaskingRules.parse({"name": "redact"})))
with s3_prefix.as_file(client, file) as local, masked_file(local, no_keys):
    die()
"""


@pytest.mark.parametrize("when", ["fetched", "amid", "after"])
def test_source_s3_file_with_rules_of_a_process_that_is_killed_leaves_no_cell_in_clear(
    client: Any, s3: S3, tmp_path: Path, when: str
) -> None:
    client.put_object(Bucket=s3.bucket, Key="people/a.csv", Body=b"id,name\n" + b"1,Zyxwvut\n" * 100_000)
    command = [sys.executable, "-c", KILLED, when, s3.bucket, s3.server.endpoint_url]
    command += [s3.server.access_key, s3.server.secret_key]
    ended = subprocess.run(command, env={**os.environ, "TMPDIR": str(tmp_path)}, check=False)
    assert ended.returncode == -signal.SIGKILL
    left = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert any(tmp_path.iterdir())  # the folders, which nobody was there to take away
    assert not any(b"Zyxwvut" in path.read_bytes() for path in left)
    assert bool(left) == (when != "fetched")
