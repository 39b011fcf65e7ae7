"""What the storage tests share: files, profiles of them made without the CSV parser, and a patient client."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from flows.lake.models import ColumnProfile, CsvProfile
from flows.lake.raw.storing import UploadOptions
from flows.lake.s3.client import RetryPolicy, client_config, use_own_retries
from flows.lake.s3.content import Content
from tests.tools.servers import S3Server

KB = 1024
PART = 8 * KB
SMALL_PARTS = UploadOptions(part_size_bytes=PART, multipart_above_bytes=PART)
"""Multipart in miniature: moto is told to take parts from 5 KB, rclone takes any."""

RAW = "Raw/Local/CSV/Movies/2026/01/02/movies.csv"


def profile_of(path: Path) -> CsvProfile:
    """Profile a file as far as the upload needs it."""
    data = path.read_bytes()
    content = Content.of_chunks([data])
    return CsvProfile(
        path=path,
        rows=max(0, data.count(b"\n") - 1),
        columns=(ColumnProfile("id", "int64", 1), ColumnProfile("nome", "str", 1)),
        size_bytes=len(data),
        mtime_ns=path.stat().st_mtime_ns,
        sha256=content.sha256,
        crc64nvme=content.crc64nvme,
        encoding="utf-8",
        delimiter="|",
    )


def write_csv(path: Path, size_bytes: int, seed: int = 1) -> bytes:
    """Write about that many bytes of CSV, the same for the same seed, and return them."""
    numbers = random.Random(seed)
    rows = ["id|tituloPrincipal|notaMedia"]
    length = len(rows[0]) + 1
    while length < size_bytes:
        row = f"tt{numbers.randrange(10**7):07}|Ação {numbers.random():.6f}|{numbers.random() * 10:.1f}"
        rows.append(row)
        length += len(row.encode()) + 1
    data = ("\n".join(rows) + "\n").encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return data


def eager_client(server: S3Server, *, retry_for_s: float = 8.0, **arguments: Any) -> Any:
    """Return a client with the project's own configuration, whose pauses between tries are short.

    It is as patient with a server that has not answered yet: a first request may meet a fault on a busy machine.
    """
    client = server.client(config=client_config(path_style=True), **arguments)
    use_own_retries(
        client,
        RetryPolicy(retry_for_s=retry_for_s, first_contact_s=retry_for_s, first_delay_s=0.02, longest_delay_s=0.2),
    )
    return client


def keys_under(client: Any, bucket: str, prefix: str = "") -> list[str]:
    """Return every key under a prefix."""
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    return [item["Key"] for page in pages for item in page.get("Contents", ())]


def read_object(client: Any, bucket: str, key: str, **arguments: Any) -> bytes:
    """Return an object's bytes."""
    return client.get_object(Bucket=bucket, Key=key, **arguments)["Body"].read()


def incomplete_uploads(client: Any, bucket: str) -> list[str]:
    """Return the keys of multipart uploads that were begun and neither completed nor given up."""
    try:
        return [item["Key"] for item in client.list_multipart_uploads(Bucket=bucket).get("Uploads", [])]
    except ClientError as error:
        if error.response["Error"]["Code"] == "NoSuchUpload":  # rclone's word for none
            return []
        raise
