"""Multipart uploads that a killed run left behind: invisible in listings, and paid for until somebody gives them up."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

from botocore.exceptions import ClientError

from flows.lake.s3.bucket import Bucket
from flows.lake.s3.errors import code_of, status_of

A_DAY = dt.timedelta(days=1)


def abort_stale_uploads(
    bucket: Bucket,
    prefixes: Iterable[str],
    *,
    older_than: dt.timedelta = A_DAY,
    now: dt.datetime | None = None,
) -> int:
    """Abort incomplete uploads under the given prefixes and return how many there were.

    Args:
        bucket: The bucket.
        prefixes: Where the run's own keys begin; uploads elsewhere are left alone.
        older_than: Younger ones may belong to a run that is under way.
        now: The time to count from, with its zone; now without it.

    Raises:
        StorageError: What S3 answers, or no answer.
    """
    before = (now or dt.datetime.now(dt.UTC)) - older_than
    aborted = 0
    with bucket.doing(f"giving up incomplete uploads in bucket {bucket.name!r}"):
        for prefix in prefixes:
            for key, upload_id, begun in _listed(bucket, prefix):
                if begun < before:
                    aborted += _abort(bucket, key, upload_id)
    return aborted


def _listed(bucket: Bucket, prefix: str) -> list[tuple[str, str, dt.datetime]]:
    pages = bucket.client.get_paginator("list_multipart_uploads").paginate(Prefix=prefix, **bucket.where)
    try:
        return [
            (upload["Key"], upload["UploadId"], upload["Initiated"])
            for page in pages
            for upload in page.get("Uploads", ())
        ]
    except ClientError as error:
        # Some servers do not list them, and rclone answers NoSuchUpload for a bucket that never had one.
        if not bucket.is_on_aws and (status_of(error) in (405, 501) or code_of(error) == "NoSuchUpload"):
            return []
        raise


def _abort(bucket: Bucket, key: str, upload_id: str) -> int:
    try:
        bucket.client.abort_multipart_upload(Key=key, UploadId=upload_id, **bucket.where)
    except ClientError as error:
        if code_of(error) == "NoSuchUpload":
            return 0
        raise
    return 1
