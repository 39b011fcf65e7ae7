"""Units of size: binary for buffers and limits of the protocol, decimal for people, as in the console of S3."""

from __future__ import annotations

KIB = 1024
MIB = 1024 * KIB

KB = 1000
MB = 1000 * KB
GB = 1000 * MB

LARGE_FILE_BYTES = 32 * MB
"""Files from this size on have tasks and a progress bar of their own; smaller ones are done before anybody looks."""

_UNITS = ("B", "KB", "MB", "GB", "TB")


def size_text(size_bytes: float) -> str:
    """Write a size with decimal units: `173.2 MB`."""
    for unit in _UNITS:
        if size_bytes < 1000 or unit == _UNITS[-1]:
            return f"{size_bytes:,.0f} {unit}" if unit == "B" else f"{size_bytes:,.1f} {unit}"
        size_bytes /= 1000
    raise AssertionError
