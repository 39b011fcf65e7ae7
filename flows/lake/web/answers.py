"""What a server says of a file: its validators, the headers that are kept, and digests that its bytes must have."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TYPE_CHECKING

from flows.lake.units import MIB
from flows.lake.web.errors import AnswerWrong
from flows.lake.words import shown

if TYPE_CHECKING:
    import httpx

KEPT = (
    "accept-ranges",
    "age",
    "cache-control",
    "content-digest",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-length",
    "content-md5",
    "content-type",
    "date",
    "digest",
    "etag",
    "expires",
    "last-modified",
    "repr-digest",
    "server",
)
"""The headers that manifests keep. What else a server sends may be meant for the asker alone (cookies, tokens)."""

_ALGORITHMS = {"sha-512": "sha512", "sha-256": "sha256", "sha512": "sha512", "sha256": "sha256", "md5": "md5"}
_FIELD = re.compile(r"([A-Za-z0-9-]+)=:?([A-Za-z0-9+/=_-]+?):?\s*(?:,|$)")
_LONGEST_HEADER = 1000
_SETTLED_NS = 60 * 1_000_000_000


@dataclass(frozen=True)
class WebAnswer:
    """What a server said of a file that it sent.

    Attributes:
        address: The fingerprint of the address that was asked.
        etag: Its ETag, as it came, quotes included.
        last_modified: Its `Last-Modified`, as it came.
        headers: The headers that are kept, by their names in small letters.
    """

    address: str
    etag: str | None = None
    last_modified: str | None = None
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def conditions(self) -> dict[str, str]:
        """The headers of a request that is to be answered only if the file has changed."""
        conditions = {}
        if self.etag:
            conditions["If-None-Match"] = self.etag
        if self.last_modified:
            conditions["If-Modified-Since"] = self.last_modified
        return conditions

    @property
    def if_range(self) -> str | None:
        """What proves that the rest of a file is the rest of the same one.

        A weak ETag does not, nor a time so short before the answer that the file may have changed again in the same
        second (https://www.rfc-editor.org/rfc/rfc9110#section-8.8.2.2).
        """
        if self.etag:
            return None if self.etag.startswith("W/") else self.etag
        answered_ns = _nanoseconds(self.headers.get("date"))
        return self.last_modified if 0 < self.modified_ns <= answered_ns - _SETTLED_NS else None

    @property
    def modified_ns(self) -> int:
        """When the file was changed, in nanoseconds since the epoch; 0 if the server does not say."""
        return _nanoseconds(self.last_modified)


def _nanoseconds(date: str | None) -> int:
    try:
        return int(parsedate_to_datetime(date or "").timestamp()) * 1_000_000_000
    except (TypeError, ValueError, OverflowError):
        return 0


def answer_of(response: httpx.Response, address: str) -> WebAnswer:
    """Return what is kept of an answer."""
    headers = {name: shown(response.headers[name], _LONGEST_HEADER) for name in KEPT if name in response.headers}
    etag, modified = (_sendable(response.headers.get(name)) for name in ("etag", "last-modified"))
    return WebAnswer(address, etag, modified, headers)


def _sendable(value: str | None) -> str | None:
    """Return a validator that can be sent back as it came."""
    fits = value and len(value) <= _LONGEST_HEADER and value.isascii() and value.isprintable()
    return value if fits else None


def asked_to_wait_s(response: httpx.Response) -> float:
    """Return the seconds that `Retry-After` names, as a number or as a date; 0 where it says nothing."""
    told = response.headers.get("Retry-After", "").strip()
    if told.isascii() and told.isdigit():
        return float(told[:9])
    try:
        return max(0.0, (parsedate_to_datetime(told) - datetime.now(UTC)).total_seconds())
    except (TypeError, ValueError, OverflowError):
        return 0.0


def digests_of(response: httpx.Response) -> dict[str, bytes]:
    """Return the digests of the whole file that an answer states: name for `hashlib` to bytes.

    `Content-Digest` and `Content-MD5` are of what one answer holds, so those of a part are of no use here.
    """
    names = ["repr-digest", "digest"] + (["content-digest"] if response.status_code == 200 else [])
    found: dict[str, bytes] = {}
    for name in names:
        for algorithm, text in _FIELD.findall(response.headers.get(name, "")):
            _add(found, _ALGORITHMS.get(algorithm.lower()), text)
    if response.status_code == 200:
        _add(found, "md5", response.headers.get("content-md5", ""))
    for algorithm in ("sha256", "sha1"):
        _add(found, algorithm, response.headers.get(f"x-amz-checksum-{algorithm}", ""))
    return found


def _add(found: dict[str, bytes], algorithm: str | None, text: str) -> None:
    if algorithm is None or not text:
        return
    try:
        digest = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return  # `…-3` of a multipart object, and what is no digest
    if len(digest) == hashlib.new(algorithm, usedforsecurity=False).digest_size:
        found[algorithm] = digest


def check_digests(path: Path, wanted: dict[str, bytes], where: str) -> None:
    """Make sure that a file has the digests that its server states.

    Raises:
        AnswerWrong: It has another.
    """
    if not wanted:
        return
    hashes = {name: hashlib.new(name, usedforsecurity=False) for name in wanted}
    with path.open("rb") as file:
        while block := file.read(MIB):
            for one in hashes.values():
                one.update(block)
    for name, digest in wanted.items():
        if hashes[name].digest() != digest:
            raise AnswerWrong(
                f"What arrived from {where} has another {name} than its server states.",
                remedy="Start the run again; if it stays so, tell the people of that server.",
            )
