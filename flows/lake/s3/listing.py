"""What a bucket holds, counted up to a limit.

A listing costs a request for each thousand objects, and a lake grows for years: the whole count of a large one would
make every run longer than the last. Counting stops at a limit and says so (`docs/decisions/0024`).
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from flows.lake.s3.client import use_own_retries
from flows.lake.s3.errors import translated

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

PAGE = 1000
"""S3's own largest page, which other servers keep to."""

COUNTED_AT_MOST = 20 * PAGE
COUNTED_FOR_S = 2.0
"""Some servers walk the whole bucket anew for each page (rclone: ten seconds and more for 10,000 objects)."""


@dataclass(frozen=True)
class BucketListing:
    """What a bucket holds under a prefix.

    Attributes:
        objects: The number of objects counted.
        size_bytes: The sum of their sizes.
        more: There are more that were not counted.
    """

    objects: int
    size_bytes: int
    more: bool = False


def list_bucket(
    client: S3Client,
    bucket: str,
    prefix: str = "",
    *,
    expected_owner: str | None = None,
    at_most: int = COUNTED_AT_MOST,
    for_s: float = COUNTED_FOR_S,
) -> BucketListing:
    """Count the objects under a prefix and add up their sizes.

    Args:
        client: An S3 client.
        bucket: The bucket.
        prefix: Where the keys begin.
        expected_owner: The account that must own the bucket.
        at_most: Counting stops after the page that reaches this number.
        for_s: Counting stops after the page during which so many seconds have passed.

    Raises:
        BucketVanished: The bucket was deleted in the meantime.
        StorageError: Anything else that S3 answers, or no answer.
    """
    use_own_retries(client)
    owner: dict[str, Any] = {"ExpectedBucketOwner": expected_owner} if expected_owner else {}
    objects = size_bytes = 0
    until = time.monotonic() + for_s
    with translated(f"listing bucket {bucket!r}", bucket=bucket, endpoint=client.meta.endpoint_url):
        for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix, **owner):
            for item in page.get("Contents", ()):
                objects += 1
                size_bytes += item["Size"]
            if page.get("IsTruncated") and (objects >= at_most or time.monotonic() >= until):
                return BucketListing(objects, size_bytes, more=True)
    return BucketListing(objects, size_bytes)
