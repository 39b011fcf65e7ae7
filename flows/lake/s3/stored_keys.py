"""What a bucket holds under many keys, by listings where keys lie together and by single looks where they do not.

A listing of a thousand keys costs about as much as twenty single looks. Keys are taken in their order, a hundred at a
time, and listed from the first to the last; where other objects crowd between them (years of partitions, say) the rest
of a hundred is looked at one by one, so that the price never grows with what else the bucket holds.
"""

from __future__ import annotations

import os.path
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from flows.lake.s3.bucket import Bucket
from flows.lake.s3.s3_object import S3Object

KEYS_TOGETHER = 100
MOST_PAGES = 3
"""Pages of a thousand keys that are read for a hundred wanted ones before they are looked at singly."""

THREADS = 8


@dataclass(frozen=True)
class StoredKey:
    """The size in bytes, and the ETag without quotes, of what is stored under a key."""

    size_bytes: int
    etag: str


def find_stored(bucket: Bucket, keys: Iterable[str]) -> dict[str, StoredKey]:
    """Return what is stored under each of some keys; keys that hold nothing are left out.

    Args:
        bucket: The bucket.
        keys: The keys, in any order.

    Raises:
        StorageError: What S3 answers, or no answer.
    """
    ordered = sorted(keys, key=lambda key: key.encode())  # as S3 orders them
    groups = [ordered[start : start + KEYS_TOGETHER] for start in range(0, len(ordered), KEYS_TOGETHER)]
    stored_keys: dict[str, StoredKey] = {}
    with bucket.doing(f"looking at {len(ordered):,} keys"), ThreadPoolExecutor(THREADS) as threads:
        for part in threads.map(lambda group: _of_group(bucket, group), groups):
            stored_keys |= part
    return stored_keys


def _of_group(bucket: Bucket, group: Sequence[str]) -> dict[str, StoredKey]:
    stored_keys: dict[str, StoredKey] = {}
    last, wanted = group[-1].encode(), set(group)
    for page in _pages(bucket, group):
        for item in page:
            if item["Key"] in wanted:
                stored_keys[item["Key"]] = StoredKey(item["Size"], item.get("ETag", "").strip('"'))
        if not page or page[-1]["Key"].encode() >= last:
            return stored_keys
        reached = page[-1]["Key"].encode()
    for key in group:
        if key.encode() > reached and (stored := S3Object(bucket, key).head()):
            stored_keys[key] = StoredKey(stored.size_bytes, stored.etag)
    return stored_keys


def _pages(bucket: Bucket, group: Sequence[str]) -> Iterator[list[Any]]:
    """Yield the objects between a group's first and last key, by pages, and an empty page at the end of them."""
    prefix = os.path.commonprefix(group)  # noqa: RUF071 - characters are meant, as S3 takes them
    # A key's own beginning comes right before it; the prefix itself needs no such mark.
    start = group[0][:-1]
    position: dict[str, Any] = {"StartAfter": start} if len(start) > len(prefix) else {}
    for _ in range(MOST_PAGES):
        answer = bucket.client.list_objects_v2(Prefix=prefix, **position, **bucket.where)
        yield answer.get("Contents", [])
        if not answer.get("IsTruncated"):
            yield []
            return
        position = {"ContinuationToken": answer["NextContinuationToken"]}
