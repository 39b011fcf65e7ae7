"""Files into the lake: profiled ones under their key, changing ones once they have settled, and a look ahead.

A file is not sent when it is there already, never goes silently over other bytes, and is proven when it is stored;
`flows.lake.raw.storing` does that for any content. Here the content is a profile's, and a file that is not what its
profile saw is an error or, with patience, read again.

Left to others: which key a file has (`flows.lake.keys`), unreadable files (`flows.lake.raw.quarantine`), and small
objects of the run's own (`flows.lake.s3.put_new`).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from flows.lake.errors import CsvRejected, SourceChanged
from flows.lake.models import CsvProfile, Progress
from flows.lake.raw.storing import UploadOptions, UploadResult, possible_etags, store
from flows.lake.s3 import object_metadata
from flows.lake.s3.bucket import Bucket
from flows.lake.s3.content import Content
from flows.lake.s3.s3_object import S3Object
from flows.lake.source_file import REMEDY, opened

Plan = Literal["unchanged", "would upload", "would supersede"]
SETTLE_PAUSE_S = 5.0
SETTLE_TRIES = 3


def upload_file(
    bucket: Bucket,
    path: Path,
    profile: CsvProfile,
    key: str,
    *,
    options: UploadOptions | None = None,
    progress: Progress | None = None,
    root: Path | None = None,
) -> UploadResult:
    """Store a profiled file under a key, unless the key holds the same bytes already.

    Args:
        bucket: The bucket.
        path: The file.
        profile: What was read of it.
        key: The key.
        options: How it is stored.
        progress: Called with the bytes sent so far and the size.
        root: The folder out of which no link may lead; links lead anywhere without one.

    Raises:
        SourceChanged: The file is not, or not any more, what was profiled; nothing of it reached the key.
        IntegrityError: Twice the server held other bytes than were sent; they were taken away again.
        UploadFailed: What is there cannot be kept, or the server stays busy.
        StorageError: Anything else that S3 answers, or no answer.
    """
    options = options or UploadOptions()
    headers = object_metadata.headers(
        content_type=object_metadata.content_type(path, profile.encoding),
        metadata=object_metadata.of_profile(profile)
        | object_metadata.of_run(options.manifest_keys)
        | dict(options.metadata),
        tags=options.tags,
        storage_class=options.storage_class,
        kms_key_id=options.kms_key_id,
    )
    content = Content.of_profile(profile)
    with opened(path, size_bytes=profile.size_bytes, mtime_ns=profile.mtime_ns, root=root) as source:
        return store(S3Object(bucket, key, headers), source, content, options, progress)


def plan_upload(
    bucket: Bucket,
    profile: CsvProfile,
    key: str,
    *,
    options: UploadOptions | None = None,
    root: Path | None = None,
) -> Plan:
    """Say what `upload_file` would do, and write nothing.

    Raises:
        SourceChanged: The file is not what was profiled.
        StorageError: What S3 answers, or no answer.
    """
    options = options or UploadOptions()
    target = S3Object(bucket, key)
    content = Content.of_profile(profile)
    with (
        bucket.doing(f"looking at {key!r}", key=key, path=profile.path),
        opened(profile.path, size_bytes=profile.size_bytes, mtime_ns=profile.mtime_ns, root=root) as source,
    ):
        stored = target.head()
        if stored is None:
            return "would upload"
        same = target.proof(stored, content, lambda: possible_etags(source, content, options))
        return "unchanged" if same else "would supersede"


def upload_settled(
    bucket: Bucket,
    path: Path,
    profile: CsvProfile,
    key: str,
    *,
    reprofile: Callable[[], CsvProfile],
    options: UploadOptions | None = None,
    progress: Progress | None = None,
    pause_s: float = SETTLE_PAUSE_S,
    tries: int = SETTLE_TRIES,
    sleep: Callable[[float], None] = time.sleep,
    root: Path | None = None,
) -> tuple[UploadResult, CsvProfile]:
    """Upload a file that may still be being written: when it changes, wait, profile it anew, and try again.

    Args:
        bucket: The bucket.
        path: The file.
        profile: What was read of it first.
        key: The key.
        reprofile: Reads the file again from the start.
        options: How it is stored.
        progress: Called with the bytes sent so far and the size.
        root: The folder out of which no link may lead; links lead anywhere without one.
        pause_s: Seconds to wait before each further try.
        tries: Uploads tried in all.
        sleep: Waits.

    Returns:
        The result, and the profile of the bytes that were stored.

    Raises:
        SourceChanged: It changed at every try: it is still being written.
        CsvRejected: It could not be read as CSV at the last try.
        StorageError: As `upload_file`.
    """
    trouble: SourceChanged | CsvRejected | None = None
    for attempt in range(tries):
        try:
            if attempt:
                sleep(pause_s)
                profile = reprofile()
            result = upload_file(bucket, path, profile, key, options=options, progress=progress, root=root)
        except (SourceChanged, CsvRejected) as error:
            trouble = error
        else:
            return result, profile
    if isinstance(trouble, CsvRejected):
        raise trouble
    raise SourceChanged(
        f"{path} is still being written: it changed in each of {tries} tries, {pause_s:g} s apart.",
        remedy=REMEDY,
        path=path,
        bucket=bucket.name,
        key=key,
    ) from trouble
