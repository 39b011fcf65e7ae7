"""A source that is a prefix of S3: which objects it holds, and each as a file for as long as it is worked on.

Workers on several machines need no shared disk then: each fetches the objects that it ingests into a temporary file,
checks that what arrived is what S3 holds, and from there on an object is a file like any other. Objects are only read.
The same credentials read the source and write the lake.

Key decision: that file has no name of its own, so that the system frees it when the process ends, however it ends; a
link in a temporary folder leads to it while it is open. An object may hold columns that are yet to be masked.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError

from flows.lake.errors import IntegrityError, SourceChanged, SourceNotFound
from flows.lake.models import S3Origin, SourceFile
from flows.lake.places import SCHEME, source_text
from flows.lake.s3.bucket import Bucket
from flows.lake.s3.errors import status_of
from flows.lake.units import MIB
from flows.lake.web.access import WebAccess, no_access
from flows.lake.web.addresses import WebOrigin
from flows.lake.web.answers import WebAnswer

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

TRIES = 3


def objects(client: S3Client, source: Path, recursive: bool) -> Iterator[tuple[Path, S3Origin]]:
    """Yield the objects under a source's prefix, each with a path that its name can be read from.

    Args:
        client: An S3 client.
        source: The prefix, as a folder.
        recursive: Also those of folders below.

    Raises:
        SourceNotFound: There is no such bucket.
        StorageError: Anything else that S3 answers, or no answer.
    """
    bucket, folder = source.parts[1] if len(source.parts) > 1 else "", "/".join(source.parts[2:])
    prefix = f"{folder}/" if folder else ""
    deep: dict[str, Any] = {} if recursive else {"Delimiter": "/"}
    listed = Bucket(client, bucket)
    with listed.doing(f"listing {source_text(source)}"):
        try:
            for item in listed.objects(prefix, **deep):
                key = item["Key"]
                hidden_folder = any(name.startswith(".") for name in key[len(prefix) :].split("/")[:-1])
                if not key.endswith("/") and not hidden_folder:
                    origin = S3Origin(bucket, key, item["Size"], item["ETag"].strip('"'), item["LastModified"])
                    yield Path(SCHEME, bucket, *key.split("/")), origin
        except ClientError as error:
            if status_of(error) != 404:
                raise
            raise SourceNotFound(
                f"There is no bucket {bucket!r}.", remedy="Check the parameter source.", path=source, bucket=bucket
            ) from error


@contextmanager
def as_file(
    client: S3Client,
    file: SourceFile,
    known: WebAnswer | None = None,
    *,
    whole: bool = True,
    access: Callable[[], WebAccess] = no_access,
) -> Iterator[SourceFile]:
    """Make a file local while the block runs; one that is local already stays what it is.

    Args:
        client: An S3 client.
        file: The file.
        known: What its server said when the lake got it, if it came from an address.
        whole: Whether all of it must be there; otherwise a file from an address may still be on its way.
        access: Gives what hosts of addresses are told of who asks.

    Yields:
        The local file.

    Raises:
        NotModified: Its server says that it is still the known one.
        SourceChanged: The object is not any more what was listed.
        StorageError: What S3 answers, or no answer.
    """
    if file.origin is None:
        yield file
        return
    with nameless(file.path.name) as path:
        if isinstance(file.origin, WebOrigin):
            from flows.lake.sources.web import fetched  # brings httpx

            with fetched(file, file.origin, path, known, whole=whole, access=access()) as local:
                yield local
            return
        fetch(client, file.origin, path)
        yield replace(file, path=path, root=None)


@contextmanager
def nameless(name: str) -> Iterator[Path]:
    """Yield a path to write a file to, whose bytes go with this process, however it ends."""
    with tempfile.TemporaryDirectory(prefix="ingest-raw-") as folder, tempfile.TemporaryFile(dir=folder) as held:
        path = Path(folder, name)
        opened = Path(f"/proc/{os.getpid()}/fd/{held.fileno()}")
        if opened.exists():  # on Linux; elsewhere the file has a name
            path.symlink_to(opened)
        yield path


def fetch(client: S3Client, origin: S3Origin, path: Path) -> None:
    """Write an object to a file, and make sure that it is what S3 holds.

    Raises:
        SourceChanged: The object is not any more what was listed.
        StorageError: What S3 answers, or no answer.
    """
    address = f"s3://{origin.bucket}/{origin.key}"
    with Bucket(client, origin.bucket).doing(f"reading {address}", key=origin.key):
        for attempt in range(1, TRIES + 1):
            try:
                answer = client.get_object(Bucket=origin.bucket, Key=origin.key, IfMatch=origin.etag)
                digest = _write(answer, path)
                break
            except ClientError as error:
                if status_of(error) not in (404, 412):
                    raise
                raise SourceChanged(
                    f"{address} is not what it was when it was listed.", remedy="Start the run again.", path=path
                ) from error
            except (HTTPClientError, BotoCoreError):  # the connection was lost in mid-body
                if attempt == TRIES:
                    raise
    changed = answer["ETag"].strip('"') != origin.etag  # a server that knows no conditions
    encrypted = "aws:kms" in answer.get("ServerSideEncryption", "") or "SSECustomerAlgorithm" in answer
    is_md5 = "-" not in origin.etag and not encrypted
    if changed or path.stat().st_size != origin.size_bytes:
        raise SourceChanged(f"{address} changed while it was read.", remedy="Start the run again.", path=path)
    if is_md5 and digest != origin.etag:
        raise IntegrityError(
            f"{address} arrived otherwise than S3 holds it.",
            remedy="Look for what alters data between here and the server, then start the run again.",
            bucket=origin.bucket,
            key=origin.key,
        )
    os.utime(path, ns=(origin.modified_ns, origin.modified_ns))


def _write(answer: Any, path: Path) -> str:
    """Write an answer's body to a file and return its MD5."""
    md5 = hashlib.md5(usedforsecurity=False)
    with path.open("wb") as file:
        for chunk in answer["Body"].iter_chunks(MIB):
            md5.update(chunk)
            file.write(chunk)
    return md5.hexdigest()
