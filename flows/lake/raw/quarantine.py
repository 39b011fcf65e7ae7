"""Files that could not be profiled: kept in the lake all the same, outside `Raw/`, with the reason beside them."""

from __future__ import annotations

from pathlib import Path

from flows.lake.raw.storing import UploadOptions, UploadResult, store
from flows.lake.s3 import object_metadata
from flows.lake.s3.bucket import Bucket
from flows.lake.s3.content import Content
from flows.lake.s3.s3_object import S3Object
from flows.lake.source_file import opened

MAX_REASON_BYTES = 900
"""Of the encoded reason, so that it leaves room for the rest of S3's 2 KB of metadata."""


def quarantine_file(
    bucket: Bucket,
    path: Path,
    key: str,
    *,
    reason: str,
    options: UploadOptions | None = None,
    root: Path | None = None,
    content: Content | None = None,
) -> UploadResult:
    """Store a file of which nothing is known, with the reason why it is there in the metadata `reason`.

    Args:
        bucket: The bucket.
        path: The file.
        key: The key.
        reason: Why it is there; cut to fit.
        options: How it is stored.
        root: The folder out of which no link may lead.
        content: What identifies its bytes, where that is known; they are read once more to find it without.

    Raises:
        SourceChanged: The file changed while it was read, or holds something else; nothing was stored.
        StorageError: As for `flows.lake.raw.upload.upload_file`.
    """
    options = options or UploadOptions()
    with opened(path, root=root) as source:
        content = content or Content.of_chunks(source.chunks())
        source.check()
        metadata = object_metadata.of_file(path, source.mtime_ns, content.sha256)
        headers = object_metadata.headers(
            content_type="application/octet-stream",
            metadata=metadata | dict(options.metadata) | {"reason": object_metadata.cut(reason, MAX_REASON_BYTES)},
            tags=options.tags,
            storage_class=options.storage_class,
            kms_key_id=options.kms_key_id,
        )
        return store(S3Object(bucket, key, headers), source, content, options)
