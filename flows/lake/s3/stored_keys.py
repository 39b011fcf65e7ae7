"""What a bucket holds under many keys, by listings where keys lie together and by single looks where they do not.

A listing of a thousand keys costs about as much as twenty single looks. Keys are taken in their order and listed from
the first to the last, in groups that begin alike, a folder at a time where it holds many. Where other objects crowd
between them (years of partitions, say) the next ones are looked at one by one, so that the price never grows with what
else the bucket holds.
"""

from __future__ import annotations

import itertools
import os.path
import posixpath
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from flows.lake.s3.bucket import Bucket
from flows.lake.s3.s3_object import S3Object

KEYS_TOGETHER = 100
"""Wanted keys of several folders that are listed together; more only within one folder."""

PAGE_KEYS = 1000
"""As many as S3 tells at once."""

WORTH_A_PAGE = 20
"""A page that tells fewer wanted keys costs more than looking at each."""

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
    stored_keys: dict[str, StoredKey] = {}
    single: list[str] = []
    with bucket.doing(f"looking at {len(ordered):,} keys"), ThreadPoolExecutor(THREADS) as threads:
        for listed, left in threads.map(lambda group: _of_group(bucket, group), _groups(ordered)):
            stored_keys |= listed
            single += left
        for key, stored in zip(single, threads.map(lambda key: S3Object(bucket, key).head(), single), strict=True):
            if stored:
                stored_keys[key] = StoredKey(stored.size_bytes, stored.etag)
    return stored_keys


def _groups(ordered: Sequence[str]) -> Iterator[list[str]]:
    """Cut keys into groups that lie together.

    Where they are in several folders, it is cut where beginnings differ, so that the prefix of a group is no other's:
    some servers read all that a prefix holds for each page of it, however few keys of it are wanted.
    """
    waiting: list[Sequence[str]] = [ordered] if ordered else []
    while waiting:
        keys = waiting.pop()
        if len(keys) <= KEYS_TOGETHER:
            yield list(keys)
        elif posixpath.dirname(keys[0]) == posixpath.dirname(keys[-1]):
            yield from (list(keys[start : start + PAGE_KEYS]) for start in range(0, len(keys), PAGE_KEYS))
        else:
            waiting += reversed(list(_parted(keys)))


def _parted(keys: Sequence[str]) -> Iterator[Sequence[str]]:
    """Part keys by the first character in which they differ; neighbours stay together as long as they are few."""
    place = len(os.path.commonprefix([keys[0], keys[-1]]))  # noqa: RUF071 - characters are meant, as S3 takes them
    start = end = 0
    for _, same in itertools.groupby(keys, key=lambda key: key[place : place + 1]):
        reached = end + sum(1 for _ in same)
        if start < end and reached - start > KEYS_TOGETHER:
            yield keys[start:end]
            start = end
        end = reached
    yield keys[start:end]


def _of_group(bucket: Bucket, group: Sequence[str]) -> tuple[dict[str, StoredKey], list[str]]:
    """Return what listings tell of a group, and the keys that have to be looked at singly."""
    stored_keys: dict[str, StoredKey] = {}
    single: list[str] = []
    wanted = set(group)
    position = 0
    while position < len(group):
        page, is_last = _page(bucket, group[position:])
        for item in page:
            if item["Key"] in wanted:
                stored_keys[item["Key"]] = StoredKey(item["Size"], item.get("ETag", "").strip('"'))
        if is_last or not page:
            break
        start, reached = position, page[-1]["Key"].encode()
        position += sum(key.encode() <= reached for key in group[start:])
        if position - start < WORTH_A_PAGE:
            single += group[position : position + KEYS_TOGETHER]
            position += KEYS_TOGETHER
    return stored_keys, single


def _page(bucket: Bucket, group: Sequence[str]) -> tuple[list[Any], bool]:
    """Return a page of objects from a group's first key on, and whether nothing follows it before the group's end."""
    prefix = os.path.commonprefix(group)  # noqa: RUF071 - characters are meant, as S3 takes them
    # A key's own beginning comes right before it; the prefix itself needs no such mark.
    start = group[0][:-1]
    after: dict[str, Any] = {"StartAfter": start} if len(start) > len(prefix) else {}
    answer = bucket.client.list_objects_v2(Prefix=prefix, **after, **bucket.where)
    return answer.get("Contents", []), not answer.get("IsTruncated")
