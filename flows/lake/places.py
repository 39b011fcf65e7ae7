"""What a source is called: a folder's path, or an S3 prefix as `pathlib` keeps it."""

from __future__ import annotations

from pathlib import Path

SCHEME = "s3:"
"""What `pathlib` leaves of `s3://` at the front of a path."""


def is_s3(source: Path) -> bool:
    """Say whether a source is an S3 prefix, given as `s3://bucket/prefix`."""
    return source.parts[:1] == (SCHEME,)


def source_text(source: Path) -> str:
    """Return a source as people recognise it: an S3 address, or an absolute path, since a relative one misleads."""
    return "s3://" + "/".join(source.parts[1:]) if is_s3(source) else str(source.absolute())


def place_text(path: Path) -> str:
    """Return a file's place as manifests name it: `source_text`, in characters that UTF-8 has."""
    return source_text(path).encode("utf-8", "backslashreplace").decode("utf-8")
