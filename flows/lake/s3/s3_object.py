"""One object of the lake: the requests on it, what they carry, and whether what is stored is what was meant.

An object is judged by the best evidence that the server gives: the full-object checksum that AWS keeps; else its size
with an ETag that is the MD5 of the bytes; else the bytes themselves, read back. Other servers may merely echo a
checksum that they were sent (rclone keeps it as metadata, also of a file that was replaced since), so theirs says
nothing. An ETag that differs proves nothing by itself (encrypted objects have ETags of another kind): it leads to the
next kind of evidence.
"""

from __future__ import annotations

import base64
import dataclasses
import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError

from flows.lake.s3.bucket import Bucket
from flows.lake.s3.content import Content
from flows.lake.s3.errors import code_of, status_of
from flows.lake.units import MIB

VerifiedBy = Literal["checksum", "size and etag", "read back"]
READ_BACK_TRIES = 3
_REFUSALS = (400, 403)
NOT_OFFERED_CODES = frozenset({"NotImplemented", "InvalidArgument", "InvalidRequest", "XNotImplemented", "501"})


@dataclass(frozen=True)
class Stored:
    """What a server says it holds under a key; the ETag is without quotes."""

    size_bytes: int
    etag: str
    version_id: str | None
    last_modified: Any
    crc64nvme: str | None
    sha256: str | None
    metadata: Mapping[str, str]


@dataclass(frozen=True)
class S3Object:
    """A key in a bucket, whether it holds anything or not, and what a request on it carries.

    Attributes:
        bucket: The bucket.
        key: The key.
        headers: What a new object carries: content type, metadata, tags, storage class.
        plain: Send neither checksums nor conditions, to a server that refuses them.
    """

    bucket: Bucket
    key: str
    headers: Mapping[str, Any] = field(default_factory=dict)
    plain: bool = False

    @property
    def where(self) -> dict[str, Any]:
        """The arguments that every request has."""
        return self.bucket.where | {"Key": self.key}

    @property
    def address(self) -> str:
        """What people call the object: `s3://bucket/key`."""
        return f"s3://{self.bucket.name}/{self.key}"

    @property
    def keeps_checksums(self) -> bool:
        """Whether the server compares the bytes with a checksum before it repeats it: what AWS answers is a proof."""
        return self.bucket.is_on_aws

    @property
    def needs_md5(self) -> bool:
        """Whether the server may keep no checksum, so that MD5 has to protect and prove the bytes."""
        return not self.bucket.is_on_aws

    def refuses_extras(self, error: ClientError) -> bool:
        """Say whether a server other than AWS refused a request for its checksum or condition."""
        return not self.plain and not self.bucket.is_on_aws and code_of(error) in NOT_OFFERED_CODES

    def without_extras(self) -> S3Object:
        """Return the same object for a server that refuses checksums and conditions."""
        return dataclasses.replace(self, plain=True)

    def head(self) -> Stored | None:
        """Return what is stored under the key, or `None` for 404."""
        try:
            answer = self.bucket.client.head_object(ChecksumMode="ENABLED", **self.where)
        except ClientError as error:
            if status_of(error) == 404:
                return None
            raise self._with_reason(error) from error
        whole = answer.get("ChecksumType", "FULL_OBJECT") == "FULL_OBJECT"
        return Stored(
            size_bytes=answer["ContentLength"],
            etag=answer.get("ETag", "").strip('"'),
            version_id=answer.get("VersionId"),
            last_modified=answer.get("LastModified"),
            crc64nvme=answer.get("ChecksumCRC64NVME") if whole else None,
            sha256=answer.get("ChecksumSHA256") if whole else None,
            metadata={name.lower(): value for name, value in answer.get("Metadata", {}).items()},
        )

    def _with_reason(self, refusal: ClientError) -> ClientError:
        """Return what S3 says to the same question as a GET, whose answer has a body, and so tells why it refuses.

        An expired session is 400 on AWS and 403 on others, as is a permission that is missing.
        """
        if status_of(refusal) in _REFUSALS:
            try:
                self.bucket.client.get_object(Range="bytes=0-0", **self.where)["Body"].close()
            except ClientError as error:
                if status_of(error) in _REFUSALS:
                    return error
        return refusal

    def proof(
        self, stored: Stored, content: Content, etags: Callable[[], Iterable[str]]
    ) -> VerifiedBy | Literal[False]:
        """Return how it is proven that the stored object is the content, or `False` when it is not.

        Args:
            stored: What `head` returned.
            content: What it should be.
            etags: Returns the ETags that the content can have; called only when they are needed.
        """
        if stored.size_bytes != content.size_bytes:
            return False
        if stored.crc64nvme and self.keeps_checksums:
            return "checksum" if stored.crc64nvme == content.crc64nvme else False
        if stored.sha256 and self.keeps_checksums:
            sha256 = base64.b64encode(bytes.fromhex(content.sha256)).decode("ascii")
            return "checksum" if stored.sha256 == sha256 else False
        if stored.etag in etags():
            return "size and etag"
        return "read back" if self.read_back(stored) == content else False

    def read_back(self, stored: Stored) -> Content:
        """Read the stored object and return what identifies its bytes."""
        version: dict[str, Any] = {"VersionId": stored.version_id} if stored.version_id else {}
        for attempt in range(1, READ_BACK_TRIES + 1):
            try:
                body = self.bucket.client.get_object(**self.where, **version)["Body"]
                return Content.of_chunks(body.iter_chunks(MIB))
            except (HTTPClientError, BotoCoreError):
                if attempt == READ_BACK_TRIES:
                    raise
        raise AssertionError("unreachable")

    def delete_own(self, *, etag: str, version_id: str | None, content: Content) -> bool:
        """Delete the version that this run has just written; return `False` when it is not there any more.

        Args:
            etag: The ETag that the upload's answer named.
            version_id: The version that it named, on a bucket with versions.
            content: What the object was meant to be; its metadata names the digest.
        """
        if version_id:
            self.bucket.client.delete_object(VersionId=version_id, **self.where)
            return True
        present = self.head()
        if present is None or not (present.etag == etag or present.metadata.get("sha256") == content.sha256):
            return False
        self.bucket.client.delete_object(**self.where)
        return True

    def take_away(self, *, etag: str, version_id: str | None, content: Content) -> str:
        """Delete what this run has just written and found to differ; returns the clause that says what came of it.

        A bucket with Object Lock keeps it: its own message would hide what had gone wrong before.
        """
        try:
            gone = self.delete_own(etag=etag, version_id=version_id, content=content)
        except ClientError as error:
            if code_of(error) != "AccessDenied":
                raise
            return f"; it may not be deleted (Object Lock?), and is still there as version {version_id}."
        return "; it was taken away again." if gone else "; another program has replaced it since."


def md5_text(data: bytes | None) -> str:
    """Return an MD5 digest as `Content-MD5` wants it."""
    return base64.b64encode(data or hashlib.md5(b"", usedforsecurity=False).digest()).decode("ascii")
