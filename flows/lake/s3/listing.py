"""What a bucket holds, counted up to a limit.

A listing costs a request for each thousand objects, and a lake grows for years: the whole count of a large one would
make every run longer than the last. Counting stops at a limit and says so (`docs/decisions/0024`).
"""

from __future__ import annotations

import time

from flows.lake.run_models import BucketListing
from flows.lake.s3.bucket import Bucket

PAGE = 1000
"""S3's own largest page, which other servers keep to."""

COUNTED_AT_MOST = 20 * PAGE
COUNTED_FOR_S = 0.5
"""What a run may pay for orientation: some servers walk much of the bucket anew for each page."""


def list_bucket(
    bucket: Bucket,
    prefix: str = "",
    *,
    at_most: int = COUNTED_AT_MOST,
    for_s: float = COUNTED_FOR_S,
) -> BucketListing:
    """Count the objects under a prefix and add up their sizes.

    Args:
        bucket: The bucket.
        prefix: Where the keys begin.
        at_most: Counting stops after the page that reaches this number.
        for_s: Counting stops after the page during which so many seconds have passed.

    Raises:
        BucketVanished: The bucket was deleted in the meantime.
        StorageError: Anything else that S3 answers, or no answer.
    """
    objects = size_bytes = 0
    until = time.monotonic() + for_s
    with bucket.doing(f"listing bucket {bucket.name!r}"):
        for page in bucket.pages(prefix):
            for item in page.get("Contents", ()):
                objects += 1
                size_bytes += item["Size"]
            if page.get("IsTruncated") and (objects >= at_most or time.monotonic() >= until):
                return BucketListing(objects, size_bytes, more=True)
    return BucketListing(objects, size_bytes)
