"""What an object carries besides its bytes: content type, metadata, tags.

S3 metadata is ASCII, sent as headers and at most 2 KB; other text is percent-encoded as UTF-8, so that a name with an
accent survives every server and proxy (https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html).
"""

from __future__ import annotations

import codecs
import datetime as dt
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from flows.lake.errors import SettingsError
from flows.lake.models import CsvProfile
from flows.lake.s3.storage_rules import MAX_TAGS

MAX_METADATA_BYTES = 2048
MAX_MANIFEST_BYTES = 700
"""Of the 2,048: a name of 255 bytes takes as many, percent-encoded, and must find room beside it."""
SAFE = " !#$&'()*+,-./:;<=>?@[]^_`{|}~"
_COMPRESSED = {
    ".gz": "application/gzip",
    ".bz2": "application/x-bzip2",
    ".xz": "application/x-xz",
    ".zip": "application/zip",
    ".zst": "application/zstd",
}
_CHARSETS = {"utf_8_sig": "utf-8", "utf-8-sig": "utf-8", "iso8859-1": "iso-8859-1", "ascii": "us-ascii"}


def content_type(path: Path, encoding: str) -> str:
    """Return the media type of a CSV file, with the charset's registered name; that of the wrapping if it has one."""
    if wrapped := _COMPRESSED.get(path.suffix.lower()):
        return wrapped
    return f"text/csv; charset={charset(encoding)}"


def charset(encoding: str) -> str:
    """Return the registered name of a Python codec, such as windows-1252 for cp1252."""
    try:
        name = codecs.lookup(encoding).name
    except LookupError:
        name = encoding
    name = _CHARSETS.get(name, name)
    if name.startswith("cp125"):
        name = f"windows-{name[2:]}"
    elif name.startswith("iso8859-"):
        name = f"iso-{name[3:]}"
    return name


def of_profile(profile: CsvProfile) -> dict[str, str]:
    """Return what a reader of the object can want to know about its file."""
    return of_file(profile.path, profile.mtime_ns, profile.sha256) | {
        "rows": str(profile.rows),
        "columns": str(len(profile.columns)),
    }


def of_file(path: Path, mtime_ns: int, sha256: str) -> dict[str, str]:
    """Return what is known of every file, readable as CSV or not."""
    modified = dt.datetime.fromtimestamp(mtime_ns / 1e9, tz=dt.UTC).isoformat(timespec="seconds")
    return {"sha256": sha256, "source-name": path.name, "source-modified": modified}


def of_run(manifest_keys: tuple[str, ...]) -> dict[str, str]:
    """Return where the manifest of an object's run is: by it the dataset's last landing is found again."""
    named = "|".join(manifest_keys)  # which no key of ours holds
    return {"manifest": named} if 0 < len(encoded(named)) <= MAX_MANIFEST_BYTES else {}


def tags_in_metadata(tags: Mapping[str, str]) -> dict[str, str]:
    """Return tags as metadata, for servers that keep no tags of objects."""
    return {f"tag-{quote(name.lower(), safe='-._')}": value for name, value in tags.items()}


def headers(
    *,
    content_type: str,
    metadata: Mapping[str, str],
    tags: Mapping[str, str],
    storage_class: str | None,
    kms_key_id: str | None = None,
) -> dict[str, Any]:
    """Return the arguments that a new object takes from all this.

    Raises:
        SettingsError: The metadata or the tags are more than S3 takes.
    """
    carried = {name.lower(): encoded(value) for name, value in metadata.items()}
    size_bytes = sum(len(name) + len(value) for name, value in carried.items())
    if size_bytes > MAX_METADATA_BYTES:
        remedy = "Give fewer or shorter entries."
        raise SettingsError(f"The object metadata has {size_bytes:,} bytes; S3 takes 2,048.", remedy=remedy)
    if len(tags) > MAX_TAGS:
        raise SettingsError(f"{len(tags)} tags for an object; S3 takes {MAX_TAGS}.", remedy="Give fewer tags.")
    arguments: dict[str, Any] = {"ContentType": content_type, "Metadata": carried}
    if tags:
        arguments["Tagging"] = urlencode(tags, quote_via=quote)
    if storage_class:
        arguments["StorageClass"] = storage_class
    if kms_key_id:
        arguments |= {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": kms_key_id}
    return arguments


def cut(text: str, max_bytes: int) -> str:
    """Return as much of a text as fits into so many bytes once it is encoded, on one line."""
    text = " ".join(text.split())
    while len(encoded(text)) > max_bytes:
        text = text[: max(0, len(text) * max_bytes // len(encoded(text)) - 1)] + "…"
    return text


def encoded(text: str) -> str:
    """Return text as S3 metadata carries it: printable ASCII as it is, the rest percent-encoded as UTF-8."""
    return quote(text, safe=SAFE)
