"""One bucket: by which client, and which account must own it.

Whoever has a `Bucket` has the client's one retry layer, the owner in every request, and errors that name the bucket and
the endpoint; nobody else needs to think of the three.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from flows.lake.s3.client import is_aws, use_own_retries
from flows.lake.s3.errors import code_of, status_of, translated

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


@dataclass(frozen=True)
class Bucket:
    """A bucket as one client sees it.

    Attributes:
        client: The S3 client; from here on it repeats requests as `flows.lake.s3.client` says.
        name: The bucket's name.
        owner: The account that must own it, 12 digits.
    """

    client: S3Client
    name: str
    owner: str | None = None

    def __post_init__(self) -> None:
        """Give the client its retry layer, if it does not have one yet."""
        use_own_retries(self.client)

    @property
    def where(self) -> dict[str, Any]:
        """The arguments of every request on the bucket."""
        return {"Bucket": self.name} | ({"ExpectedBucketOwner": self.owner} if self.owner else {})

    @property
    def endpoint(self) -> str:
        """The address of the server."""
        return self.client.meta.endpoint_url

    @property
    def region(self) -> str:
        """The region of the client."""
        return self.client.meta.region_name

    @property
    def is_on_aws(self) -> bool:
        """Whether the server is AWS itself rather than another one that speaks S3."""
        return is_aws(self.endpoint)

    def doing(self, what: str, *, key: str | None = None, path: Path | None = None) -> AbstractContextManager[None]:
        """Translate botocore's errors inside the block into the project's own, which say what was being done."""
        return translated(what, bucket=self.name, key=key, path=path, endpoint=self.endpoint)

    def pages(self, prefix: str = "", **arguments: Any) -> Iterator[Any]:
        """Yield the answers of a listing, up to a thousand objects each."""
        pages = self.client.get_paginator("list_objects_v2")
        yield from pages.paginate(Prefix=prefix, **self.where, **arguments)

    def objects(self, prefix: str = "", **arguments: Any) -> Iterator[Any]:
        """Yield what a listing says of each object under a prefix."""
        for page in self.pages(prefix, **arguments):
            yield from page.get("Contents", ())

    def get(self, key: str, max_bytes: int) -> bytes | None:
        """Return the bytes of an object, one more than the limit at most; `None` where there is no such object.

        Raises:
            ClientError: Anything else that S3 answers.
        """
        return self.get_tagged(key, max_bytes)[0]

    def get_tagged(self, key: str, max_bytes: int) -> tuple[bytes | None, str | None]:
        """Return the bytes of an object as `get` does, and its ETag as a condition takes it.

        Raises:
            ClientError: Anything else that S3 answers.
        """
        try:
            answer = self.client.get_object(Key=key, **self.where)
        except ClientError as error:
            if status_of(error) != 404 or code_of(error) == "NoSuchBucket":
                raise
            return None, None
        data: bytes = answer["Body"].read(max_bytes + 1)
        return data, answer.get("ETag")

    def folders(self, prefix: str) -> Iterator[str]:
        """Yield the names of the folders right below a prefix that ends with `/`."""
        for page in self.pages(prefix, Delimiter="/"):
            for item in page.get("CommonPrefixes", ()):
                yield item["Prefix"][len(prefix) : -1]
