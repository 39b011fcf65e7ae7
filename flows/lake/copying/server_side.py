"""Copying inside S3, where both lakes are one account and region: no byte passes through here.

Only a source that is, by its checksum or ETag, what its manifest says is copied so; it is asked for by its version and
ETag, the target must be empty, and the copy is compared with the manifest: by the checksum that AWS computes of it,
elsewhere by its bytes, read back. A copy that differs is taken away again.
"""

from __future__ import annotations

import contextlib
from typing import Any
from urllib.parse import quote

from botocore.exceptions import BotoCoreError, ClientError

from flows.lake.errors import CopyConflict, IntegrityError
from flows.lake.manifests.copied import Place
from flows.lake.s3.bucket import Bucket
from flows.lake.s3.content import Content
from flows.lake.s3.errors import status_of
from flows.lake.s3.s3_object import S3Object, Stored
from flows.lake.units import MIB

MAX_COPY_BYTES = 5 * 1024 * MIB
"""CopyObject's limit. https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html"""

PART_BYTES = 512 * MIB


def is_possible(source: Bucket, target: Bucket, accounts: tuple[str | None, str | None]) -> bool:
    """Say whether both buckets are one server's, one region's and one account's.

    Args:
        source: The bucket that is read.
        target: The other one.
        accounts: Whose the credentials of each are: AWS accounts, elsewhere access keys.
    """
    same = (source.endpoint, source.region) == (target.endpoint, target.region)
    return same and accounts[0] is not None and accounts[0] == accounts[1]


def copy(
    source: S3Object,
    target: S3Object,
    content: Content,
    *,
    etag: str | None,
    version_id: str | None,
    storage_class: str | None,
    at_once_bytes: int = MAX_COPY_BYTES,
    part_bytes: int = PART_BYTES,
) -> Place | None:
    """Copy an object to a key that holds nothing.

    Args:
        source: The object.
        target: Its key in the other bucket, by a client that may read the source.
        content: What it must be.
        etag: The ETag that the source had when it was proven.
        version_id: The version that is wanted; the current one without.
        storage_class: S3's storage class; the bucket's default without one.
        at_once_bytes: Larger objects are copied in parts.
        part_bytes: The size of a part.

    Returns:
        What the target calls it; `None` where nothing was copied, since the source cannot be told to be the content.

    Raises:
        CopyConflict: The key is not empty any more.
        IntegrityError: The copy differs from it; it was taken away.
        StorageError: What else S3 answers, or no answer.
    """
    wanted: dict[str, Any] = {"VersionId": version_id} if version_id else {}
    with target.bucket.doing(f"copying {source.address} to {target.address}", key=target.key):
        try:
            head: Any = source.bucket.client.head_object(ChecksumMode="ENABLED", **source.where, **wanted)
        except ClientError as error:
            if status_of(error) in (400, 404):
                return None
            raise
        if not _is_content(source, head, content, etag):
            return None
        copied_from = {"Bucket": source.bucket.name, "Key": source.key} | wanted
        arguments: dict[str, Any] = {"CopySource": copied_from, "CopySourceIfMatch": head["ETag"]}
        if source.bucket.owner:
            arguments["ExpectedSourceBucketOwner"] = source.bucket.owner
        try:
            if content.size_bytes <= at_once_bytes:
                answer = _at_once(target, arguments, storage_class)
            else:
                answer = _in_parts(source, target, content, arguments, head, storage_class, part_bytes)
        except ClientError as error:
            if status_of(error) == 412:
                raise CopyConflict(f"{target.address} is not empty, or {source.address} has changed.") from error
            raise
        stored = target.head()
        proof = _proof(target, stored, content)
        if stored is None or not proof:
            what = target.take_away(etag=_etag(answer), version_id=answer.get("VersionId"), content=content)
            raise IntegrityError(
                f"{target.address} differs from what the manifest says of {source.address}" + what,
                remedy="Check the source with verify-raw, then copy once more.",
                bucket=target.bucket.name,
                key=target.key,
            )
        return Place(stored.version_id, stored.etag, proof)


def _proof(target: S3Object, stored: Stored | None, content: Content) -> str | None:
    return (target.proof(stored, content, lambda: ()) or None) if stored else None


def _is_content(source: S3Object, head: dict[str, Any], content: Content, etag: str | None) -> bool:
    if head["ContentLength"] != content.size_bytes:
        return False
    if source.keeps_checksums and head.get("ChecksumType", "FULL_OBJECT") == "FULL_OBJECT":
        return bool(head.get("ChecksumCRC64NVME") == content.crc64nvme)
    return etag is not None and bool(head["ETag"].strip('"') == etag)


def _etag(answer: dict[str, Any]) -> str:
    etag: str = answer.get("CopyObjectResult", answer).get("ETag", "")
    return etag.strip('"')


def _extras(target: S3Object, storage_class: str | None) -> dict[str, Any]:
    return ({"StorageClass": storage_class} if storage_class else {}) | (
        {"ChecksumAlgorithm": "CRC64NVME"} if target.bucket.is_on_aws else {}
    )


def _at_once(target: S3Object, arguments: dict[str, Any], storage_class: str | None) -> dict[str, Any]:
    if target.bucket.is_on_aws:
        arguments = arguments | {"IfNoneMatch": "*"}
    client: Any = target.bucket.client
    return dict(client.copy_object(**target.where, **arguments, **_extras(target, storage_class)))


def _in_parts(
    source: S3Object,
    target: S3Object,
    content: Content,
    arguments: dict[str, Any],
    head: dict[str, Any],
    storage_class: str | None,
    part_bytes: int,
) -> dict[str, Any]:
    client: Any = target.bucket.client
    where = target.where
    carried = {name: head[name] for name in ("ContentType", "ContentEncoding", "Metadata") if head.get(name)}
    if head.get("TagCount"):
        wanted = {"VersionId": head["VersionId"]} if head.get("VersionId") else {}
        tags = source.bucket.client.get_object_tagging(**source.where, **wanted)["TagSet"]
        carried["Tagging"] = "&".join(f"{quote(tag['Key'])}={quote(tag['Value'])}" for tag in tags)
    whole = {"ChecksumType": "FULL_OBJECT"} if target.bucket.is_on_aws else {}
    upload_id = client.create_multipart_upload(**where, **carried, **_extras(target, storage_class), **whole)[
        "UploadId"
    ]
    try:
        parts: list[dict[str, Any]] = []
        for number, start in enumerate(range(0, content.size_bytes, part_bytes), start=1):
            end = min(start + part_bytes, content.size_bytes) - 1
            part = client.upload_part_copy(
                **where, UploadId=upload_id, PartNumber=number, CopySourceRange=f"bytes={start}-{end}", **arguments
            )["CopyPartResult"]
            checksum = {"ChecksumCRC64NVME": part["ChecksumCRC64NVME"]} if part.get("ChecksumCRC64NVME") else {}
            parts.append({"PartNumber": number, "ETag": part["ETag"]} | checksum)
        proven = whole | ({"ChecksumCRC64NVME": content.crc64nvme, "IfNoneMatch": "*"} if whole else {})
        return dict(
            client.complete_multipart_upload(**where, UploadId=upload_id, MultipartUpload={"Parts": parts}, **proven)
        )
    except BaseException:
        with contextlib.suppress(ClientError, BotoCoreError):
            client.abort_multipart_upload(**where, UploadId=upload_id)
        raise
