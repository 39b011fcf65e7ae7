"""Sending bytes: in one request, or in parts side by side; nothing is committed that is not proven to be the profile's.

Each request's bytes are read once into memory; the checksum that goes along is that of exactly these bytes, and the
whole of them is compared with the profile before the object comes into being (before the request, or before
CompleteMultipartUpload). So no mixture of two states of a file can become an object, whatever its time stamps say.
Memory is bounded by parts in flight times their size.

Left to others: what to do when it fails (`flows.lake.raw.upload`).
"""

from __future__ import annotations

import contextlib
import os
import re
import threading
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError

from flows.lake.errors import IntegrityError
from flows.lake.models import Progress
from flows.lake.s3.body import Source, as_body
from flows.lake.s3.content import Content, PartDigest, checksum_text, combined_checksum, etag_of_parts
from flows.lake.s3.errors import code_of
from flows.lake.s3.quick_put import quick_put
from flows.lake.s3.s3_object import S3Object, md5_text
from flows.lake.units import MIB

MAX_PARTS = 10_000
MIN_PART_BYTES = 5 * MIB
"""https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html"""

BUFFER_BYTES = 64 * MIB
"""How much of one file is held in memory at once, as far as a single part is no larger."""

PARTS_AT_ONCE = max(4, 2 * (os.cpu_count() or 2))
"""Parts that a process holds in memory, whatever the number of files that it sends: more only wait for its cores."""

_parts = threading.BoundedSemaphore(PARTS_AT_ONCE)

_IS_MD5 = re.compile("[0-9a-f]{32}")


@dataclass(frozen=True)
class Sent:
    """What the server answered to an upload, and what it should say of the bytes.

    Attributes:
        etag: The answer's ETag, without quotes.
        version_id: The version it made.
        checksum: The full-object CRC-64/NVME in the answer, if there is one.
        parts_proven: The server's ETag of each part (of the whole, where there are none) is the MD5 of what was sent.
        etag_proves: The answer's ETag is the one that S3 forms for exactly these bytes, sent in these parts.
        encrypted: The server encrypts, so that its ETags say nothing about the bytes.
        parts: How many parts; 0 for a single request.
    """

    etag: str
    version_id: str | None
    checksum: str | None
    parts_proven: bool
    etag_proves: bool
    encrypted: bool
    parts: int


def part_size_for(size_bytes: int, wanted_bytes: int, *, smallest_bytes: int = 1) -> int:
    """Return the size of a part, grown in whole MIB so that no file has more than 10,000 parts."""
    needed = -(-size_bytes // MAX_PARTS)
    if needed <= max(wanted_bytes, smallest_bytes):
        return max(wanted_bytes, smallest_bytes)
    return -(-needed // MIB) * MIB


def put_whole(target: S3Object, data: bytes, condition: Mapping[str, Any], *, sha256: str | None = None) -> Sent:
    """Store bytes with one request.

    Args:
        target: Where to.
        data: The bytes; the caller has compared them with what they should be.
        condition: `IfNoneMatch` or `IfMatch`, or nothing.
        sha256: Their SHA-256, hexadecimal, where the quick way may be tried.
    """
    digest = PartDigest.of(data, with_md5=target.needs_md5)
    arguments = dict(target.headers) | target.where | _checksum(target, digest)
    if digest.md5:
        arguments["ContentMD5"] = md5_text(digest.md5)
    if not target.plain:
        arguments |= {"ChecksumAlgorithm": "CRC64NVME"} | dict(condition)
    quick = quick_put(target.bucket).put(data, sha256, arguments) if sha256 else None
    answer: Mapping[str, Any] = quick or target.bucket.client.put_object(Body=as_body(data), **arguments)
    proves = digest.md5 is not None and answer["ETag"].strip('"') == digest.md5.hex()
    return _sent(answer, parts_proven=proves, etag_proves=proves, parts=0)


def _sent(answer: Mapping[str, Any], *, parts_proven: bool, etag_proves: bool, parts: int) -> Sent:
    whole = answer.get("ChecksumType", "FULL_OBJECT") == "FULL_OBJECT"
    return Sent(
        etag=answer["ETag"].strip('"'),
        version_id=answer.get("VersionId"),
        checksum=answer.get("ChecksumCRC64NVME") if whole else None,
        parts_proven=parts_proven,
        etag_proves=etag_proves,
        encrypted=_encrypted(answer),
        parts=parts,
    )


def _encrypted(answer: Mapping[str, Any]) -> bool:
    return bool(answer.get("ServerSideEncryption") or answer.get("SSECustomerAlgorithm"))


def _checksum(target: S3Object, digest: PartDigest) -> dict[str, Any]:
    """Return the checksum with which the server can refuse bytes that were altered on their way."""
    return {} if target.plain else {"ChecksumCRC64NVME": checksum_text(digest.crc64nvme)}


def put_parts(
    target: S3Object,
    source: Source,
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
        source: The open file or object.
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
    begun = target.bucket.client.create_multipart_upload(**(dict(target.headers) | target.where | algorithm))
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
                target.bucket.client.abort_multipart_upload(UploadId=upload_id, **target.where)
        raise


def _send_parts(
    target: S3Object,
    source: Source,
    upload_id: str,
    part_bytes: int,
    concurrency: int,
    progress: Progress | None,
) -> list[tuple[PartDigest, str]]:
    """Send all parts and return each one's digest and ETag, in their order.

    They are read one after the other by this thread, as servers and disks like it best, and sent side by side.
    """
    stop, lock = threading.Event(), threading.Lock()
    workers = max(1, min(concurrency, BUFFER_BYTES // part_bytes))
    mine = threading.BoundedSemaphore(workers + 1)
    sent_bytes = 0

    def send(number: int, data: bytes) -> tuple[PartDigest, str]:
        nonlocal sent_bytes
        try:
            part = _send_part(target, upload_id, number, data)
            with lock:
                sent_bytes += len(data)
                if progress:
                    progress(sent_bytes, source.size_bytes)
        except BaseException:
            stop.set()
            raise
        return part

    def free(_: object) -> None:
        _parts.release()
        mine.release()

    first: BaseException | None = None
    futures: list[Future[tuple[PartDigest, str]]] = []
    with ThreadPoolExecutor(workers, thread_name_prefix="part") as pool:
        for number, offset in enumerate(range(0, source.size_bytes, part_bytes), start=1):
            mine.acquire()
            _parts.acquire()
            if stop.is_set():
                free(None)
                break
            try:
                data = source.read_at(offset, min(part_bytes, source.size_bytes - offset))
            except BaseException as error:
                free(None)
                first = error  # told below, when every part under way has ended
                break
            futures.append(pool.submit(send, number, data))
            futures[-1].add_done_callback(free)
            del data
    failures = [failure for future in futures if (failure := future.exception())]
    if failures:
        # Some servers end the whole upload with its first bad part: what the others then say is not the reason.
        raise next((failure for failure in failures if not _is_gone(failure)), failures[0])
    if first:
        raise first
    return [future.result() for future in futures]


def _is_gone(error: BaseException) -> bool:
    return isinstance(error, ClientError) and code_of(error) == "NoSuchUpload"


def _send_part(target: S3Object, upload_id: str, number: int, data: bytes) -> tuple[PartDigest, str]:
    """Send one part and compare the server's digest of it with ours.

    Content-MD5 goes only where no checksum does (a bucket with Object Lock takes no part without either): a part is
    not an object yet, so that the server's word comes in time, and servers that form ETags from MD5 would compute it
    twice (measured: 0.4 s of its processor for 250 MIB).
    """
    digest = PartDigest.of(data, with_md5=target.needs_md5)
    md5: dict[str, Any] = {"ContentMD5": md5_text(digest.md5)} if target.plain and digest.md5 else {}
    answer = target.bucket.client.upload_part(
        UploadId=upload_id,
        PartNumber=number,
        Body=as_body(data),
        **target.where,
        **_checksum(target, digest),
        **md5,
    )
    checksum, etag = answer.get("ChecksumCRC64NVME"), answer["ETag"].strip('"')
    other = bool(checksum) and checksum != checksum_text(digest.crc64nvme)
    if digest.md5 and not _encrypted(answer) and _IS_MD5.fullmatch(etag):
        other = other or etag != digest.md5.hex()
    if other:
        raise IntegrityError(
            f"Part {number} of {target.address} arrived with other bytes than were sent; the upload was given up.",
            remedy="Look for what alters data between here and the server, then start the run again.",
            bucket=target.bucket.name,
            key=target.key,
        )
    return digest, etag


def _complete(
    target: S3Object,
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
    answer = target.bucket.client.complete_multipart_upload(**target.where, **arguments)
    proven = all(digest.md5 and etag == digest.md5.hex() for digest, etag in parts)
    whole = proven and answer["ETag"].strip('"') == etag_of_parts(digest for digest, _ in parts)
    return _sent(answer, parts_proven=proven, etag_proves=whole, parts=len(parts))
