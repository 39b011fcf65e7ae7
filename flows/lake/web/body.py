"""The body of an answer: written as it comes, unpacked where the server packed it, refused where it is no file."""

from __future__ import annotations

import os
import re
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from flows.lake.units import KIB, MIB, size_text
from flows.lake.web.addresses import WebOrigin, without_secrets
from flows.lake.web.answers import WebAnswer
from flows.lake.web.errors import AnswerWrong, FetchFailed

BLOCK_BYTES = 256 * KIB
TOLD_EVERY_BYTES = MIB
_PACKED = ("gzip", "x-gzip")
_HTML = re.compile(
    rb"(?><\?xml[^>]*>|<!--.*?-->|\s+)*+<(!doctype\s+html|html|head|title|body|script)\b", re.DOTALL | re.IGNORECASE
)
"""How a page begins, whatever its server calls it."""

_LEAD = b"\xef\xbb\xbf\xff\xfe\x00 \t\r\n"


class Cut(Exception):
    """An answer that ended early, or none: to be asked again after some seconds."""

    def __init__(self, why: str, wait_s: float = 0.0) -> None:
        super().__init__(why)
        self.wait_s = wait_s


class Body:
    """Writes what a server sends of one file.

    Args:
        origin: Where it is published, and what is allowed.
        ends: When it must be there, by `time.monotonic`.
        told: Called with how many bytes of it are there.
    """

    def __init__(self, origin: WebOrigin, ends: float, told: Callable[[int], None]) -> None:
        self._url = origin.url
        self._where = without_secrets(origin.url)
        self._rules = origin.rules
        self._ends = ends
        self._told = told

    def begin_anew(self, path: Path) -> None:
        """Drop what has come so far."""
        self._told(0)  # before a byte of it changes, for who reads it meanwhile
        os.truncate(path, 0)

    def write(self, response: httpx.Response, path: Path, offset: int) -> None:
        """Write an answer's body from an offset on.

        Raises:
            AnswerWrong: It is too large, packed as it must not be, or no file.
            FetchFailed: It takes too long.
            Cut: It ended early.
        """
        length = response.headers.get("content-length", "")
        if length.isdigit():
            self._check_size(offset + int(length))
        pieces = self._unpacked(response)
        told = offset
        with path.open("r+b") as file:
            file.truncate(offset)
            file.seek(offset)
            self._told(offset)
            for piece in pieces:
                if offset == 0:
                    self._check_kind(piece, response)
                offset += len(piece)
                self._check_size(offset)
                file.write(piece)
                if offset - told >= TOLD_EVERY_BYTES:
                    file.flush()
                    self._told(told := offset)
                if time.monotonic() > self._ends:
                    raise FetchFailed(
                        f"{self._where} took longer than {self._rules.longest_s:,.0f} s.",
                        remedy="Try when its server has less to do, or raise INGEST_WEB_MAX_SECONDS on the worker.",
                    )
        self._told(offset)

    def is_packed(self, response: httpx.Response) -> bool:
        """Say whether a server packed a file for the way, and not the file is a packed one.

        Raises:
            AnswerWrong: It is packed in a way that cannot be unpacked.
        """
        coding = response.headers.get("content-encoding", "identity").strip().lower()
        packed_file = urlsplit(self._url).path.lower().endswith((".gz", ".tgz"))
        if coding in ("", "identity") or (coding in _PACKED and packed_file):
            return False
        if coding not in _PACKED or response.status_code != 200:
            raise AnswerWrong(
                f"{self._where} comes packed as {coding!a}, which was not asked for.", remedy="Give another address."
            )
        return True

    def _unpacked(self, response: httpx.Response) -> Iterator[bytes]:
        if not self.is_packed(response):
            yield from response.iter_raw()
            return
        unpacker = zlib.decompressobj(31)
        for packed_piece in response.iter_raw():
            rest = packed_piece
            while rest:
                piece = unpacker.decompress(rest, BLOCK_BYTES)
                rest = unpacker.unconsumed_tail
                if piece:
                    yield piece
        while piece := unpacker.decompress(unpacker.unconsumed_tail, BLOCK_BYTES):
            yield piece
        if not unpacker.eof:
            raise Cut("its packed body ended early")

    def _check_size(self, size_bytes: int) -> None:
        if size_bytes > self._rules.most_bytes:
            raise AnswerWrong(
                f"{self._where} is larger than {size_text(self._rules.most_bytes)}.",
                remedy="Raise INGEST_WEB_MAX_BYTES on the worker if that is meant.",
            )

    def _check_kind(self, head: bytes, response: httpx.Response) -> None:
        if urlsplit(self._url).path.lower().endswith((".html", ".htm")):
            return
        begin = head[: 4 * KIB].lstrip(_LEAD)
        said = response.headers.get("content-type", "").lower().startswith(("text/html", "application/xhtml"))
        if (said and begin.startswith(b"<")) or _HTML.match(begin):
            raise AnswerWrong(
                f"{self._where} answers with a page of HTML in place of the file (HTTP {response.status_code}).",
                remedy="Open it in a browser: it may say why, or where the file is now.",
            )


def unpacked(answer: WebAnswer) -> WebAnswer:
    """Return an answer without what holds for the packed bytes alone, so that no rest is asked for by their count."""
    etag = answer.etag if answer.etag is None or answer.etag.startswith("W/") else f"W/{answer.etag}"
    headers = {name: value for name, value in answer.headers.items() if "digest" not in name and "md5" not in name}
    return WebAnswer(answer.address, etag or 'W/"unpacked"', answer.last_modified, headers)
