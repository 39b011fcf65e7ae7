"""The runs' logs: no manifest names them, so they are found by the day in their names, and compared by their bytes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date

from flows.lake import keys
from flows.lake.copying.results import ObjectResult
from flows.lake.copying.stored_source import StoredSource
from flows.lake.s3.bucket import Bucket
from flows.lake.s3.put_new import put_new
from flows.lake.s3.s3_object import S3Object
from flows.lake.s3.stored_keys import StoredKey
from flows.lake.units import MIB

LARGEST_BYTES = 64 * MIB
AT_ONCE = 8
_NAME = re.compile(rf"{keys.LOG_PREFIX}/log-ingestao-(\d{{4}})(\d{{2}})(\d{{2}})[.-]")
_IS_MD5 = re.compile("[0-9a-f]{32}")


def of_days(bucket: Bucket, start: date, end: date) -> dict[str, StoredKey]:
    """Return the logs of runs of some days, both included.

    Raises:
        StorageError: What S3 answers, or no answer.
    """
    with bucket.doing(f"listing {keys.LOG_PREFIX!r}"):
        return {
            item["Key"]: StoredKey(item["Size"], item.get("ETag", "").strip('"'))
            for item in bucket.objects(f"{keys.LOG_PREFIX}/")
            if (day := _day_of(item["Key"])) and start <= day <= end
        }


def _day_of(key: str) -> date | None:
    match = _NAME.match(key)
    try:
        return date(*map(int, match.groups())) if match else None
    except ValueError:
        return None


def is_same(one: StoredKey, other: StoredKey | None) -> bool:
    """Say whether listings show two logs as the same: one size, and one ETag that is an MD5."""
    return one == other and _IS_MD5.fullmatch(one.etag) is not None


def copy(source: Bucket, target: Bucket, start: date, end: date) -> Iterator[ObjectResult]:
    """Copy the logs of some days, as far as the target lacks them; yields what became of each.

    Raises:
        StorageError: What S3 answers, or no answer.
    """
    there = of_days(target, start, end)
    wanted = of_days(source, start, end)
    with ThreadPoolExecutor(AT_ONCE) as threads:
        yield from threads.map(
            lambda item: _copied(source, target, item[0], item[1], there.get(item[0])), wanted.items()
        )


def _copied(source: Bucket, target: Bucket, key: str, log: StoredKey, present: StoredKey | None) -> ObjectResult:
    if is_same(log, present):
        return ObjectResult(key, "present")
    if log.size_bytes > LARGEST_BYTES:
        return ObjectResult(key, "failed", text=f"It has {log.size_bytes:,} bytes, which no log of a run has.")
    body = read(source, key)
    if present is None and put_new(target, key, body, content_type="text/plain; charset=utf-8"):
        return ObjectResult(key, "copied", bytes_sent=len(body))
    if read(target, key) == body:
        return ObjectResult(key, "present")
    return ObjectResult(key, "conflict", text=f"s3://{target.name}/{key} is another log; it was not touched.")


def read(bucket: Bucket, key: str) -> bytes:
    """Return a log."""
    with bucket.doing(f"reading {key!r}", key=key):
        source = StoredSource(S3Object(bucket, key), None, whole_below=LARGEST_BYTES, size_bytes=0)
        return source.read_at(0, source.size_bytes)
