"""What identifies bytes: size and digests, and how S3 writes them.

CRC-64/NVME is the checksum that S3 keeps of a whole object however it was uploaded, and the checksums of neighbouring
parts combine into that of the whole; MD5 is what servers without checksums answer as ETag.

See https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from awscrt.checksums import combine_crc64nvme, crc64nvme

from flows.lake.models import CsvProfile


@dataclass(frozen=True)
class Content:
    """The size in bytes, the CRC-64/NVME (base64) and the SHA-256 (hexadecimal) of a file or object."""

    size_bytes: int
    crc64nvme: str
    sha256: str

    @classmethod
    def of_profile(cls, profile: CsvProfile) -> Content:
        """Return what a profile says of its file's bytes."""
        return cls(profile.size_bytes, profile.crc64nvme, profile.sha256)

    @classmethod
    def of_chunks(cls, chunks: Iterable[bytes]) -> Content:
        """Return what identifies the bytes of all chunks together."""
        size_bytes, crc, sha256 = 0, 0, hashlib.sha256()
        for chunk in chunks:
            size_bytes += len(chunk)
            crc = crc64nvme(chunk, crc)
            sha256.update(chunk)
        return cls(size_bytes, checksum_text(crc), sha256.hexdigest())


@dataclass(frozen=True)
class PartDigest:
    """A part's length in bytes and CRC-64/NVME as a number, and its MD5 where a server may need it."""

    size_bytes: int
    crc64nvme: int
    md5: bytes | None

    @classmethod
    def of(cls, data: bytes, *, with_md5: bool) -> PartDigest:
        """Digest one part."""
        md5 = hashlib.md5(data, usedforsecurity=False).digest() if with_md5 else None
        return cls(len(data), crc64nvme(data), md5)


def checksum_text(crc: int) -> str:
    """Return a CRC-64/NVME as S3 writes it: eight bytes, most significant first, in base64."""
    return base64.b64encode(crc.to_bytes(8, "big")).decode("ascii")


def combined_checksum(parts: Iterable[PartDigest]) -> str:
    """Return the checksum of the whole from those of its parts, in their order."""
    crc = 0
    for part in parts:
        crc = combine_crc64nvme(crc, part.crc64nvme, part.size_bytes)
    return checksum_text(crc)


def etag_of_parts(parts: Iterable[PartDigest]) -> str | None:
    """Return the ETag that S3 forms for a multipart object, without quotes; `None` where a part has no MD5."""
    digests = [part.md5 for part in parts]
    if not digests or None in digests:
        return None
    joined = b"".join(digest for digest in digests if digest is not None)
    return f"{hashlib.md5(joined, usedforsecurity=False).hexdigest()}-{len(digests)}"
