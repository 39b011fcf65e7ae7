"""What a source is called: a folder's path, or an S3 prefix or web addresses as `pathlib` keeps them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

SCHEME = "s3:"
"""What `pathlib` leaves of `s3://` at the front of a path."""


WEB_SCHEME = re.compile(r"^(https?):/+", re.IGNORECASE)
"""What begins an address, also as `pathlib` keeps it."""

ALL_ADDRESSES = Path("https://")
"""The source of a run that takes what contracts say where it is published."""

_ADDRESS = re.compile(r"(https?):/+(?:[^\s\"'@/]*@)?([^\s\"'?#]*)[^\s\"',\]]*", re.IGNORECASE)


_PATH_PARAMETERS = re.compile(";[^/]*")
"""`…;jsessionid=1`, which some servers write into their paths."""


def is_s3(source: Path) -> bool:
    """Say whether a source is an S3 prefix, given as `s3://bucket/prefix`."""
    return source.parts[:1] == (SCHEME,)


def is_web(source: Path) -> bool:
    """Say whether a source is an address, or a list of them."""
    return source == ALL_ADDRESSES or WEB_SCHEME.match(next(iter(addresses(source)), "")) is not None


def addresses(source: Path | str) -> Iterator[str]:
    """Yield the texts of a source's addresses: a JSON list, or with blanks or line breaks between them."""
    text = str(source).strip()
    if text.startswith("["):
        try:
            listed = json.loads(text)
        except ValueError:
            listed = []
        yield from (one for one in listed if isinstance(one, str))
    elif WEB_SCHEME.match(text):
        yield from text.split()


def absolute(source: Path) -> Path:
    """Return a source that means the same wherever a run starts: manifests tell files apart by it."""
    return source if is_s3(source) or is_web(source) else source.absolute()


def source_text(source: Path) -> str:
    """Return a source as people recognise it.

    An S3 address, an absolute path, since a relative one misleads, or web addresses without what may be secret in them.
    """
    if source == ALL_ADDRESSES:
        return "https://"
    if is_web(source):
        return _ADDRESS.sub(lambda one: f"{one[1]}://{_PATH_PARAMETERS.sub('', one[2])}", str(source))
    return "s3://" + "/".join(source.parts[1:]) if is_s3(source) else str(source.absolute())


def place_text(path: Path) -> str:
    """Return a file's place as manifests name it: `source_text`, in characters that UTF-8 has."""
    return source_text(path).encode("utf-8", "backslashreplace").decode("utf-8")
