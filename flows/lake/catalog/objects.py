"""Records and pages in the lake: read with their ETag, and replaced only as they were read.

AWS and most servers refuse a conditional request whose condition no longer holds, so that of two runs at once the
second reads again what the first wrote. A server that ignores conditions (`rclone serve s3`) is asked afterwards
whether the object still says what was written (`flows.lake.catalog.refresh`).
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import TypeVar

from botocore.exceptions import ClientError
from pydantic import BaseModel

from flows.lake.catalog.records import MAX_BYTES, packed, unpacked
from flows.lake.errors import StorageError
from flows.lake.s3.bucket import Bucket
from flows.lake.s3.errors import status_of
from flows.lake.s3.s3_object import S3Object
from flows.lake.s3.transfer import put_whole

TRIES = 12
HTML = "text/html; charset=utf-8"
_CHANGED = (404, 409, 412)

_Record = TypeVar("_Record", bound=BaseModel)


def read(bucket: Bucket, key: str, kind: type[_Record]) -> tuple[_Record | None, str | None]:
    """Return a record, `None` where there is none that can be used, and the ETag of what lies there."""
    with bucket.doing(f"reading {key!r}", key=key):
        data, etag = bucket.get_tagged(key, MAX_BYTES)
    return unpacked(data, kind), etag


def update(
    bucket: Bucket,
    key: str,
    kind: type[_Record],
    change: Callable[[_Record | None], _Record],
    known: tuple[_Record | None, str | None] | None = None,
) -> tuple[_Record, str]:
    """Change a record, from anew where somebody else changes it meanwhile.

    Args:
        bucket: The bucket.
        key: The record's key.
        kind: What it is.
        change: Makes the new record of the one that is there; called once for each try.
        known: The record as it was read, with its ETag, which saves reading it again.

    Returns:
        The record, and its ETag.

    Raises:
        StorageError: Others went on changing it, or what else S3 answers.
    """
    for attempt in range(TRIES):
        before, etag = known or read(bucket, key, kind)
        known = None
        after = change(before)
        condition = {"IfMatch": etag} if etag else {"IfNoneMatch": "*"}
        if (written := put(bucket, key, packed(after), "application/gzip", condition)) is not None:
            return after, written
        time.sleep(random.uniform(0, 0.05 * 2 ** min(attempt, 5)))  # noqa: S311 - so that two do not go on in step
    raise StorageError(
        f"s3://{bucket.name}/{key} was changed by others each time that it was to be written.",
        remedy="Refresh the catalog again when fewer runs are at work: python -m flows.lake.catalog.",
        bucket=bucket.name,
        key=key,
    )


def put(
    bucket: Bucket, key: str, body: bytes, content_type: str, condition: dict[str, str] | None = None
) -> str | None:
    """Store an object; return its ETag, `None` where the condition does not hold."""
    target = S3Object(bucket, key, headers={"ContentType": content_type, "CacheControl": "no-cache"})
    with bucket.doing(f"storing {key!r}", key=key):
        try:
            sent = put_whole(target, body, condition or {})
        except ClientError as error:
            if condition and status_of(error) in _CHANGED:
                return None
            if not target.refuses_extras(error):
                raise
            sent = put_whole(target.without_extras(), body, {})
    return f'"{sent.etag}"'


def etag_of(bucket: Bucket, key: str) -> str | None:
    """Return an object's ETag."""
    with bucket.doing(f"looking at {key!r}", key=key):
        stored = S3Object(bucket, key).head()
    return f'"{stored.etag}"' if stored else None
