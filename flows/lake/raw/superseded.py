"""Keeping an object that is about to be replaced by other bytes.

A bucket with versions keeps it by itself. On one without, it is copied inside the server to
`Superseded/<its key>/<its modification time>-<piece of its ETag>`, and the copy is compared with it before anything
replaces it; when that cannot be done, the file fails and the old object stays.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import Any

from botocore.exceptions import ClientError

from flows.lake import keys
from flows.lake.errors import UploadFailed
from flows.lake.s3.bucket import Bucket
from flows.lake.s3.errors import code_of, status_of
from flows.lake.s3.s3_object import S3Object, Stored
from flows.lake.units import MIB

MAX_COPY_BYTES = 5 * 1024 * MIB
"""CopyObject's limit. https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html"""


def has_versions(bucket: Bucket) -> bool:
    """Say whether the bucket keeps replaced objects as versions; not when these credentials may not ask."""
    try:
        answer = bucket.client.get_bucket_versioning(**bucket.where)
    except ClientError as error:
        if status_of(error) in (403, 405, 501) or code_of(error) == "NotImplemented":
            return False
        raise
    return answer.get("Status") == "Enabled"


def superseded_key(key: str, stored: Stored) -> str:
    """Return where an object is kept: under its own key, by the time of its last change in UTC.

    S3 keeps that time in whole seconds, so a piece of the ETag tells two objects of one second apart.
    """
    changed = stored.last_modified.astimezone(dt.UTC).strftime("%Y%m%dT%H%M%SZ")
    return f"{keys.SUPERSEDED_PREFIX}/{key}/{changed}-{stored.etag[:8]}"


def keep(target: S3Object, stored: Stored) -> str:
    """Copy what is stored under the target's key to its place under `Superseded/` and return that key.

    Args:
        target: The key that will be written.
        stored: What its head said.

    Raises:
        UploadFailed: No copy could be made that equals it.
    """
    key = superseded_key(target.key, stored)
    if len(key.encode()) > 1024:
        raise _not_kept(target, f"its place {key!r} would be longer than S3's 1,024 bytes")
    if stored.size_bytes > MAX_COPY_BYTES:
        raise _not_kept(target, f"with {stored.size_bytes:,} bytes it is larger than the 5 GB that S3 copies at once")
    place = dataclasses.replace(target, key=key, headers={})
    present = place.head()
    if present is not None and _is_copy(place, present, target, stored):
        return key  # a run that died after the copy
    if present is not None:
        raise _not_kept(target, f"its place {key!r} holds another object")
    arguments: dict[str, Any] = {"CopySource": {"Bucket": target.bucket.name, "Key": target.key}} | place.where
    if target.bucket.owner:
        arguments["ExpectedSourceBucketOwner"] = target.bucket.owner
    target.bucket.client.copy_object(CopySourceIfMatch=stored.etag, **arguments)
    copied = place.head()
    if copied is None or not _is_copy(place, copied, target, stored):
        raise _not_kept(target, f"the copy at {key!r} differs from it")
    return key


def _is_copy(place: S3Object, copy: Stored, target: S3Object, original: Stored) -> bool:
    """Say whether a copy holds the original's bytes: by what the server says of both, else by reading both."""
    if copy.size_bytes != original.size_bytes:
        return False
    if copy.crc64nvme and original.crc64nvme and place.keeps_checksums:
        return copy.crc64nvme == original.crc64nvme
    return copy.etag == original.etag or place.read_back(copy) == target.read_back(original)


def _not_kept(target: S3Object, why: str) -> UploadFailed:
    return UploadFailed(
        f"{target.address} holds other bytes, the bucket keeps no versions, and the object cannot be "
        f"kept under {keys.SUPERSEDED_PREFIX}/: {why}.",
        remedy="Turn on versioning for the bucket, or move the object away, and start the run again.",
        bucket=target.bucket.name,
        key=target.key,
    )
