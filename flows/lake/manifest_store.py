"""Manifests in the bucket: stored under a key that was free, found by day, read whole.

They lie under `Manifests/<yyyy>/<mm>/<dd>/` of the run's logical date, also where a run's files went to the partitions
of other days (`date_from_name`): a run has one manifest, and each entry names its own day. S3 lists names in ascending
order only, so days are looked at a month at a time, one request for each thousand manifests.

Left to others: what they hold (`flows.lake.manifest`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from flows.lake import keys
from flows.lake.errors import ManifestUnreadable, StorageError
from flows.lake.manifest import Manifest, from_json
from flows.lake.put_new import put_new
from flows.lake.s3_client import use_own_retries
from flows.lake.s3_errors import translated

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


@dataclass(frozen=True)
class StoredManifest:
    """A manifest as a listing shows it: its key, the day in it, its size, and when it was written."""

    key: str
    day: date
    size_bytes: int
    written: datetime


def store(client: S3Client, text: str, bucket: str, manifest_keys: tuple[str, str]) -> str:
    """Store a manifest under the first of two keys that is free; none ever replaces another one.

    Returns:
        The key.

    Raises:
        StorageError: Both are taken, or S3 refused.
    """
    for key in manifest_keys:
        if put_new(client, bucket=bucket, key=key, body=text.encode(), content_type="application/json"):
            return key
    raise StorageError(
        f"The manifest keys {manifest_keys[0]} and {manifest_keys[1]} are both taken.",
        bucket=bucket,
        key=manifest_keys[1],
    )


def read(client: S3Client, bucket: str, key: str) -> Manifest:
    """Read one manifest.

    Raises:
        ManifestUnreadable: The object is no manifest, or of a version that this program does not know.
        StorageError: What S3 answers, or no answer.
    """
    use_own_retries(client)
    with translated(f"reading {key!r}", bucket=bucket, key=key, endpoint=client.meta.endpoint_url):
        body = client.get_object(Bucket=bucket, Key=key)["Body"].read()
    try:
        return from_json(body)
    except ValueError as error:
        raise ManifestUnreadable(
            f"s3://{bucket}/{key} is no manifest that this version can read.",
            remedy="Look at it: another program may have written it, or a newer version of this one.",
            bucket=bucket,
            key=key,
        ) from error


def between(client: S3Client, bucket: str, start: date, end: date) -> list[StoredManifest]:
    """Return the manifests of a range of days, both included, in the order of day and time of writing.

    Raises:
        StorageError: What S3 answers, or no answer.
    """
    found = [one for month in _months(start, end) for one in _of_month(client, bucket, month)]
    return [one for one in sorted(found, key=_order) if start <= one.day <= end]


def newest_first(client: S3Client, bucket: str, day: date, months: int) -> Iterator[StoredManifest]:
    """Yield the manifests up to a day, the newest first, out of its month and some before; lists lazily.

    Raises:
        StorageError: What S3 answers, or no answer.
    """
    month = day.replace(day=1)
    for _ in range(months):
        found = [one for one in _of_month(client, bucket, month) if one.day <= day]
        yield from sorted(found, key=_order, reverse=True)
        if month == date.min:
            return
        month = (month - timedelta(days=1)).replace(day=1)


def _order(one: StoredManifest) -> tuple[date, datetime, str]:
    return one.day, one.written, one.key


def _months(start: date, end: date) -> Iterator[date]:
    month = start.replace(day=1)
    while month <= end:
        yield month
        month = (month + timedelta(days=32)).replace(day=1)


def _of_month(client: S3Client, bucket: str, month: date) -> Iterator[StoredManifest]:
    return _under(client, bucket, f"{keys.MANIFEST_PREFIX}/{keys.day_path(month)[:7]}/")


def every(client: S3Client, bucket: str) -> list[StoredManifest]:
    """Return every manifest of the bucket.

    Raises:
        StorageError: What S3 answers, or no answer.
    """
    return list(_under(client, bucket, f"{keys.MANIFEST_PREFIX}/"))


def _under(client: S3Client, bucket: str, prefix: str) -> Iterator[StoredManifest]:
    use_own_retries(client)
    with translated(f"listing {prefix!r}", bucket=bucket, endpoint=client.meta.endpoint_url):
        for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
            for item in page.get("Contents", ()):
                day = keys.day_of_key(item["Key"])
                if day is not None and item["Key"].endswith(".json"):
                    yield StoredManifest(item["Key"], day, item["Size"], item["LastModified"])
