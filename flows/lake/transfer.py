"""Sending bytes: in one request, or in parts side by side; nothing is committed that is not proven to be the profile's.

Each request's bytes are read once into memory; the checksum that goes along is that of exactly these bytes, and the
whole of them is compared with the profile before the object comes into being (before the request, or before
CompleteMultipartUpload). So no mixture of two states of a file can become an object, whatever its time stamps say.
Memory is bounded by parts in flight times their size.

Left to others: what to do when it fails (`flows.lake.upload`).
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError

from flows.lake.body import as_body
from flows.lake.content import MB, Content, PartDigest, checksum_text, combined_checksum, etag_of_parts
from flows.lake.errors import IntegrityError
from flows.lake.source_file import OpenedSource
from flows.lake.target import Target, md5_text

MAX_PARTS = 10_000
MIN_PART_BYTES = 5 * MB
"""https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html"""

BUFFER_BYTES = 64 * MB
"""How much of one file is held in memory at once, as far as a single part is no larger."""

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Sent:
    """What the server answered to an upload, and what it should say of the bytes.

    Attributes:
        etag: The answer's ETag, without quotes.
        version_id: The version it made.
        checksum: The full-object CRC-64/NVME in the answer, if there is one.
        own_etag: The ETag that these bytes have on servers where it is formed from MD5.
        parts: How many parts; 0 for a single request.
    """

    etag: str
    version_id: str | None
    checksum: str | None
    own_etag: str | None
    parts: int


def part_size_for(size_bytes: int, wanted_bytes: int, *, smallest_bytes: int = 1) -> int:
    """Return the size of a part, grown in whole MB so that no file has more than 10,000 parts."""
    needed = -(-size_bytes // MAX_PARTS)
    if needed <= max(wanted_bytes, smallest_bytes):
        return max(wanted_bytes, smallest_bytes)
    return -(-needed // MB) * MB


def put_whole(target: Target, data: bytes, condition: Mapping[str, Any]) -> Sent:
    """Store bytes with one request.

    Args:
        target: Where to.
        data: The bytes; the caller has compared them with what they should be.
        condition: `IfNoneMatch` or `IfMatch`, or nothing.
    """
    digest = PartDigest.of(data, with_md5=target.needs_md5)
    arguments = dict(target.headers) | target.where | _protection(target, digest)
    if not target.plain:
        arguments |= {"ChecksumAlgorithm": "CRC64NVME"} | dict(condition)
    answer = target.client.put_object(Body=as_body(data), **arguments)
    whole = answer.get("ChecksumType", "FULL_OBJECT") == "FULL_OBJECT"
    return Sent(
        etag=answer["ETag"].strip('"'),
        version_id=answer.get("VersionId"),
        checksum=answer.get("ChecksumCRC64NVME") if whole else None,
        own_etag=digest.md5.hex() if digest.md5 else None,
        parts=0,
    )


def _protection(target: Target, digest: PartDigest) -> dict[str, Any]:
    """Return the digests with which the server can refuse bytes that were altered on their way."""
    arguments: dict[str, Any] = {}
    if digest.md5:
        arguments["ContentMD5"] = md5_text(digest.md5)
    if not target.plain:
        arguments["ChecksumCRC64NVME"] = checksum_text(digest.crc64nvme)
    return arguments


def put_parts(
    target: Target,
    source: OpenedSource,
    content: Content,
    condition: Mapping[str, Any],
    *,
    part_bytes: int,
    concurrency: int,
    progress: Progress | None,
) -> Sent:
    """Store a file in parts.

    Args:
        target: Where to.
        source: The open file.
        content: What the whole must be.
        condition: `IfNoneMatch` or `IfMatch`, or nothing.
        part_bytes: The size of each part but the last.
        concurrency: Parts under way at once.
        progress: Called with the bytes sent so far and the size.

    Raises:
        SourceChanged: What was read is not `content`; the parts are given up.
        IntegrityError: The server holds another part than was sent; the parts are given up.
    """
    algorithm = {} if target.plain else {"ChecksumAlgorithm": "CRC64NVME", "ChecksumType": "FULL_OBJECT"}
    begun = target.client.create_multipart_upload(**(dict(target.headers) | target.where | algorithm))
    upload_id = begun["UploadId"]
    try:
        parts = _send_parts(target, source, upload_id, part_bytes, concurrency, progress)
        digests = [digest for digest, _ in parts]
        if combined_checksum(digests) != content.crc64nvme:
            raise source.changed("its bytes are not those that were profiled")
        source.check()
        return _complete(target, upload_id, parts, content, condition)
    except BaseException as error:
        # Without a connection this would only wait once more; a later run, or the bucket's rule, gives the parts up.
        if not isinstance(error, HTTPClientError):
            with contextlib.suppress(ClientError, BotoCoreError):
                target.client.abort_multipart_upload(UploadId=upload_id, **target.where)
        raise


def _send_parts(
    target: Target,
    source: OpenedSource,
    upload_id: str,
    part_bytes: int,
    concurrency: int,
    progress: Progress | None,
) -> list[tuple[PartDigest, str]]:
    """Send all parts and return each one's digest and ETag, in their order."""
    stop = threading.Event()
    offsets = range(0, source.size_bytes, part_bytes)

    def send(number: int) -> tuple[PartDigest, str] | None:
        if stop.is_set():
            return None
        offset = offsets[number]
        data = source.read_at(offset, min(part_bytes, source.size_bytes - offset))
        return _send_part(target, upload_id, number + 1, data)

    workers = max(1, min(concurrency, BUFFER_BYTES // part_bytes))
    sent_bytes = 0
    with ThreadPoolExecutor(workers, thread_name_prefix="part") as pool:
        # The pool takes them in this order: servers that write parts as a stream keep those that come early in memory.
        futures = [pool.submit(send, number) for number in range(len(offsets))]
        try:
            for future in as_completed(futures):
                if (part := future.result()) is not None and progress:
                    sent_bytes += part[0].size_bytes
                    progress(sent_bytes, source.size_bytes)
        except BaseException:
            stop.set()
            for future in futures:
                future.cancel()
            raise
        return [part for future in futures if (part := future.result()) is not None]


def _send_part(target: Target, upload_id: str, number: int, data: bytes) -> tuple[PartDigest, str]:
    digest = PartDigest.of(data, with_md5=target.needs_md5)
    answer = target.client.upload_part(
        UploadId=upload_id,
        PartNumber=number,
        Body=as_body(data),
        **target.where,
        **_protection(target, digest),
    )
    checksum = answer.get("ChecksumCRC64NVME")
    if checksum and checksum != checksum_text(digest.crc64nvme):
        raise IntegrityError(f"Part {number} is stored with checksum {checksum}, but other bytes were sent.")
    return digest, answer["ETag"]


def _complete(
    target: Target,
    upload_id: str,
    parts: list[tuple[PartDigest, str]],
    content: Content,
    condition: Mapping[str, Any],
) -> Sent:
    listed: list[dict[str, Any]] = []
    for number, (digest, etag) in enumerate(parts, start=1):
        checksum = {} if target.plain else {"ChecksumCRC64NVME": checksum_text(digest.crc64nvme)}
        listed.append({"PartNumber": number, "ETag": etag} | checksum)
    arguments: dict[str, Any] = {"UploadId": upload_id, "MultipartUpload": {"Parts": listed}}
    if not target.plain:
        arguments |= {"ChecksumCRC64NVME": content.crc64nvme, "ChecksumType": "FULL_OBJECT"} | dict(condition)
        arguments |= {"MpuObjectSize": content.size_bytes}
    answer = target.client.complete_multipart_upload(**target.where, **arguments)
    whole = answer.get("ChecksumType", "FULL_OBJECT") == "FULL_OBJECT"
    return Sent(
        etag=answer["ETag"].strip('"'),
        version_id=answer.get("VersionId"),
        checksum=answer.get("ChecksumCRC64NVME") if whole else None,
        own_etag=etag_of_parts(digest for digest, _ in parts),
        parts=len(parts),
    )
