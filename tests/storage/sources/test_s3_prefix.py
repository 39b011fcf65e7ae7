"""A source that is a prefix of S3, against both servers."""

from __future__ import annotations

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
