"""Multipart uploads that a killed run left behind: invisible in listings, and paid for until somebody gives them up."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from flows.lake.s3.client import is_aws, use_own_retries
from flows.lake.s3.errors import code_of, status_of, translated

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

A_DAY = dt.timedelta(days=1)


def abort_stale_uploads(
    client: S3Client,
    bucket: str,
    prefixes: Iterable[str],
    *,
    older_than: dt.timedelta = A_DAY,
    now: dt.datetime | None = None,
    expected_owner: str | None = None,
) -> int:
    """Abort incomplete uploads under the given prefixes and return how many there were.

    Args:
        client: An S3 client.
        bucket: The bucket.
        prefixes: Where the run's own keys begin; uploads elsewhere are left alone.
        older_than: Younger ones may belong to a run that is under way.
        now: The time to count from, with its zone; now without it.
        expected_owner: The account that must own the bucket.

    Raises:
        StorageError: What S3 answers, or no answer.
    """
    use_own_retries(client)
    before = (now or dt.datetime.now(dt.UTC)) - older_than
    owner: dict[str, Any] = {"ExpectedBucketOwner": expected_owner} if expected_owner else {}
    aborted = 0
    with translated(f"giving up incomplete uploads in bucket {bucket!r}", bucket=bucket):
        for prefix in prefixes:
            for key, upload_id, begun in _listed(client, bucket, prefix, owner):
                if begun < before:
                    aborted += _abort(client, bucket, key, upload_id, owner)
    return aborted


def _listed(client: S3Client, bucket: str, prefix: str, owner: dict[str, Any]) -> list[tuple[str, str, dt.datetime]]:
    pages = client.get_paginator("list_multipart_uploads").paginate(Bucket=bucket, Prefix=prefix, **owner)
    try:
        return [
            (upload["Key"], upload["UploadId"], upload["Initiated"])
            for page in pages
            for upload in page.get("Uploads", ())
        ]
    except ClientError as error:
        # Some servers do not list them, and rclone answers NoSuchUpload for a bucket that never had one.
        if not is_aws(client) and (status_of(error) in (405, 501) or code_of(error) == "NoSuchUpload"):
            return []
        raise


def _abort(client: S3Client, bucket: str, key: str, upload_id: str, owner: dict[str, Any]) -> int:
    try:
        client.abort_multipart_upload(Bucket=bucket, Key=key, UploadId=upload_id, **owner)
    except ClientError as error:
        if code_of(error) == "NoSuchUpload":
            return 0
        raise
    return 1
