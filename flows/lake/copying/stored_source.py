"""An object of the source lake, read like an open file: one version of it, in pieces, whatever happens meanwhile.

Small objects are read by one request, which also says what they carry; large ones are read through one connection, as
fast as they are sent. A connection that breaks within a body is tried again, since the client's retry layer sees only
whole requests.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError

from flows.lake.errors import SourceChanged
from flows.lake.s3.errors import status_of
from flows.lake.s3.object_metadata import encoded
from flows.lake.s3.s3_object import S3Object

READ_TRIES = 4
KEPT_HEADERS = ("CacheControl", "ContentDisposition", "ContentEncoding", "ContentLanguage", "ContentType", "Metadata")
"""What a copy carries like its original; tags and storage class are the copy's own matter."""


class StoredSource:
    """One version of an object.

    Args:
        stored_object: The object.
        version_id: The version that is wanted; the current one without.
        whole_below: Objects up to this size in bytes are read by one request.
        size_bytes: The size that it should have.

    Attributes:
        headers: What it carries.
        tag_count: How many tags it has, as far as these credentials may know.
        version_id: The version that is read.
    """

    path: Path | None = None

    def __init__(self, stored_object: S3Object, version_id: str | None, *, whole_below: int, size_bytes: int) -> None:
        self._object = stored_object
        self._data: bytes | None = None
        self._stream: Any = None
        self._position = 0
        self.version_id = version_id
        answer = self._opened(whole=size_bytes <= whole_below)
        self.size_bytes: int = answer["ContentLength"]
        self.etag: str = answer.get("ETag", "")
        self.version_id = answer.get("VersionId")
        self.tag_count: int = answer.get("TagCount", 0)
        answer["ContentEncoding"] = encoding_of_object(answer.get("ContentEncoding", ""))
        self.headers = {name: answer[name] for name in KEPT_HEADERS if answer.get(name)}
        if metadata := self.headers.get("Metadata"):
            self.headers["Metadata"] = {name.lower(): _in_ascii(value) for name, value in metadata.items()}

    @property
    def title(self) -> str:
        """What messages call it."""
        return self._object.address

    def _opened(self, *, whole: bool) -> dict[str, Any]:
        try:
            return self._asked(whole)
        except ClientError as error:
            # A version that another program's copy, or a lifecycle rule, has left behind: the current one may do.
            if self.version_id is None or status_of(error) not in (400, 404):
                raise
            self.version_id = None
            return self._asked(whole)

    def _asked(self, whole: bool) -> dict[str, Any]:
        client, where = self._object.bucket.client, self._object.where | self._version()
        if not whole:
            return dict(client.head_object(**where))
        answer, self._data = self._read(where)
        return answer | {"ContentLength": len(self._data)}

    def _read(self, arguments: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
        """Ask for bytes and read them; what breaks within a body is tried again."""
        for attempt in range(1, READ_TRIES + 1):
            answer: dict[str, Any] = dict(self._object.bucket.client.get_object(**arguments))
            try:
                return answer, answer["Body"].read()
            except (HTTPClientError, BotoCoreError):
                if attempt == READ_TRIES:
                    raise
        raise AssertionError("unreachable")

    def _version(self) -> dict[str, Any]:
        return {"VersionId": self.version_id} if self.version_id else {}

    def read_at(self, offset: int, length: int) -> bytes:
        """Read exactly `length` bytes.

        Raises:
            SourceChanged: It is not the same object any more.
            StorageError: What S3 answers, or no answer.
        """
        if self._data is not None:
            return self._data[offset : offset + length]
        if length == 0:
            return b""
        with self._object.bucket.doing(f"reading {self._object.key!r}", key=self._object.key):
            for attempt in range(1, READ_TRIES + 1):
                try:
                    if self._stream is None or self._position != offset:
                        self._open_stream(offset)
                    data: bytes = self._stream.read(length)
                    break
                except (HTTPClientError, BotoCoreError):
                    self._stream = None
                    if attempt == READ_TRIES:
                        raise
                except ClientError as error:
                    if status_of(error) in (404, 412, 416):
                        raise self.changed("it was replaced while it was read") from error
                    raise
        self._position = offset + len(data)
        if len(data) != length:
            raise self.changed("it has become shorter")
        return data

    def _open_stream(self, offset: int) -> None:
        """Ask for all that follows: some servers read a whole object anew for each answer."""
        self.close()
        arguments = self._object.where | self._version() | ({"IfMatch": self.etag} if self.etag else {})
        if offset:
            arguments["Range"] = f"bytes={offset}-"
        self._stream = self._object.bucket.client.get_object(**arguments)["Body"]
        self._position = offset

    def close(self) -> None:
        """End the connection, if one is open."""
        if self._stream is not None:
            self._stream.close()
            self._stream = None

    def tags(self) -> dict[str, str]:
        """Return its tags; asks only where it has some."""
        if not self.tag_count:
            return {}
        with self._object.bucket.doing(f"reading the tags of {self._object.key!r}", key=self._object.key):
            answer = self._object.bucket.client.get_object_tagging(**self._object.where, **self._version())
        return {tag["Key"]: tag["Value"] for tag in answer["TagSet"]}

    def check(self) -> None:
        """Make sure that it is still the one that was opened: each piece was asked for by its ETag."""

    def changed(self, how: str) -> SourceChanged:
        """Return the error that says how it is not what it should be."""
        return SourceChanged(
            f"{self.title} is not what its manifest says: {how}.",
            remedy="Look at it with verify-raw; a version that it replaced may still be there.",
            bucket=self._object.bucket.name,
            key=self._object.key,
        )


def encoding_of_object(content_encoding: str) -> str:
    """Return a content encoding without `aws-chunked`, the way in which a client once sent the bytes.

    Some servers keep it with the object; sent again, it would say that the new body comes in chunks.
    """
    codings = (coding.strip() for coding in content_encoding.split(","))
    return ",".join(coding for coding in codings if coding and coding.lower() != "aws-chunked")


def _in_ascii(value: str) -> str:
    """Return metadata as botocore sends it: some servers answer it as UTF-8, which HTTP reads as Latin-1."""
    if value.isascii():
        return value
    with contextlib.suppress(UnicodeError):
        value = value.encode("latin-1").decode()
    return encoded(value)
