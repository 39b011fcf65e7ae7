"""What the analysis writes, stored and proven; the same bytes are not sent twice.

Unlike what lands in `Raw/`, everything here can be made again from it, so what it replaces is kept only where the
bucket keeps versions. Nothing is deleted: a part of a table that a newer run of the same day does not have any more is
replaced by one without rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from botocore.exceptions import ClientError

from flows.lake.errors import IntegrityError
from flows.lake.s3.bucket import Bucket
from flows.lake.s3.content import Content, PartDigest
from flows.lake.s3.s3_object import S3Object
from flows.lake.s3.transfer import put_whole

AT_ONCE = 4
"""Objects on their way side by side: most are small."""

PARQUET = "application/vnd.apache.parquet"


@dataclass(frozen=True)
class Made:
    """An object that the analysis made.

    Attributes:
        key: Its key.
        size_bytes: Its size.
        sha256: SHA-256 of its bytes, hexadecimal.
        crc64nvme: CRC-64/NVME, as S3 writes it.
        etag: What the server calls these bytes.
        version_id: Its version, in a bucket that has versions.
        verified_by: What proved that S3 holds it.
        outcome: Whether this run sent it, or it was there.
    """

    key: str
    size_bytes: int
    sha256: str
    crc64nvme: str
    etag: str
    version_id: str | None
    verified_by: str
    outcome: Literal["uploaded", "unchanged"]


def put(bucket: Bucket, key: str, body: bytes, *, content_type: str) -> Made:
    """Store bytes under a key, whatever it holds, and prove that they are there.

    Raises:
        IntegrityError: The server holds other bytes than were sent.
        StorageError: What else S3 answers, or no answer.
    """
    target = S3Object(bucket, key, headers={"ContentType": content_type})
    content = Content.of_chunks([body])

    def etags() -> set[str]:
        return {(PartDigest.of(body, with_md5=True).md5 or b"").hex()}

    with bucket.doing(f"storing {key!r}", key=key):
        present = target.head()
        if present is not None and (proof := target.proof(present, content, etags)):
            return _made(key, content, present, proof, "unchanged")
        _send(target, body)
        stored = target.head()
        if stored is not None and (proof := target.proof(stored, content, etags)):
            return _made(key, content, stored, proof, "uploaded")
    raise IntegrityError(
        f"{target.address} differs from what was stored there.",
        remedy="Look for what alters data between here and the server, then start the run again.",
        bucket=bucket.name,
        key=key,
    )


def _made(key: str, content: Content, stored: Any, proof: str, outcome: Literal["uploaded", "unchanged"]) -> Made:
    return Made(
        key, content.size_bytes, content.sha256, content.crc64nvme, stored.etag, stored.version_id, proof, outcome
    )


def _send(target: S3Object, body: bytes) -> None:
    try:
        put_whole(target, body, {})
    except ClientError as error:
        if not target.refuses_extras(error):
            raise
        put_whole(target.without_extras(), body, {})


def put_all(bucket: Bucket, files: Iterable[tuple[str, Path]]) -> list[Made]:
    """Store files under their keys, side by side."""
    with ThreadPoolExecutor(AT_ONCE) as threads:
        return list(threads.map(lambda one: put(bucket, one[0], one[1].read_bytes(), content_type=PARQUET), files))


def replace_left_overs(bucket: Bucket, prefix: str, made: Iterable[Made], empty: Callable[[], bytes]) -> list[Made]:
    """Replace each Parquet object under a prefix that this run did not make by one without rows.

    Args:
        bucket: The bucket.
        prefix: The folder of a table, with its slash.
        made: What this run made.
        empty: Returns a file of the table without rows.
    """
    own = {one.key for one in made}
    with bucket.doing(f"listing {prefix!r}"):
        others = [item["Key"] for item in bucket.objects(prefix) if item["Key"] not in own]
    return [put(bucket, key, empty(), content_type=PARQUET) for key in others if key.endswith(".parquet")]
