"""Small objects of the run's own (its log, its manifest), which never replace anything."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError

from flows.lake.errors import IntegrityError
from flows.lake.s3.bucket import Bucket
from flows.lake.s3.content import Content, PartDigest
from flows.lake.s3.errors import status_of
from flows.lake.s3.s3_object import S3Object
from flows.lake.s3.transfer import put_whole


def put_new(bucket: Bucket, key: str, body: bytes, *, content_type: str) -> bool:
    """Store bytes under a key that holds nothing yet.

    The key is looked at first, since not every server honours a condition, and the request carries the condition
    where it is honoured. A request whose answer was lost meets its own object when it is repeated; that is success.

    Args:
        bucket: The bucket.
        key: The key.
        body: The bytes.
        content_type: Their media type.

    Returns:
        Whether the key holds these bytes by this call; `False` when it was taken.

    Raises:
        IntegrityError: The server holds other bytes than were sent.
        StorageError: What else S3 answers, or no answer.
    """
    target = S3Object(bucket, key, headers={"ContentType": content_type})
    content = Content.of_chunks([body])
    md5 = PartDigest.of(body, with_md5=True).md5 or b""
    with bucket.doing(f"storing {key!r}", key=key):
        if target.head() is not None:
            return False
        try:
            sent = _put(target, body)
        except ClientError as error:
            if status_of(error) != 412:
                raise
            present = target.head()
            return present is not None and bool(target.proof(present, content, lambda: {md5.hex()}))
        if sent.etag == md5.hex() or (target.keeps_checksums and sent.checksum == content.crc64nvme):
            return True
        stored = target.head()
        if stored is not None and target.proof(stored, content, lambda: {md5.hex()}):
            return True
    raise IntegrityError(
        f"{target.address} differs from what was stored there.",
        remedy="Look for what alters data between here and the server, then start the run again.",
        bucket=bucket.name,
        key=key,
    )


def _put(target: S3Object, body: bytes) -> Any:
    try:
        return put_whole(target, body, {"IfNoneMatch": "*"})
    except ClientError as error:
        if not target.refuses_extras(error):
            raise
        return put_whole(target.without_extras(), body, {})
