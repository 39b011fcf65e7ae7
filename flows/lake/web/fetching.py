"""One file fetched from its address: redirects, pauses and cuts included, and proven as far as the server lets it be.

What is transient is asked again, after as long as the server says. A transfer that was cut goes on where it was, if
the server proves that the rest is of the same file; otherwise it starts anew.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import httpx

from flows.lake.web.access import WebAccess
from flows.lake.web.addresses import WebOrigin, without_secrets
from flows.lake.web.answers import WebAnswer, answer_of, asked_to_wait_s, check_digests, digests_of
from flows.lake.web.body import Body, Cut, unpacked
from flows.lake.web.errors import AddressRefused, FetchFailed, refused_by
from flows.lake.web.hosts import place_at
from flows.lake.web.network import web_client
from flows.lake.web.spool import Spool

TRIES = 6
"""Without a byte in between; a transfer that gets on may be cut more often."""

MOST_CUTS = 100
MOST_REDIRECTS = 5
LONGEST_WAIT_S = 120.0
"""A server that asks for more is away: the run says so, and takes the file another time."""

_TRANSIENT = frozenset({408, 425, 429, 500, 502, 503, 504})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)$")


class Fetch:
    """Fetches one file.

    Args:
        origin: Where it is published, and what is allowed.
        sleep: Waits for so many seconds.
        access: What hosts are told of who asks.
    """

    def __init__(
        self, origin: WebOrigin, sleep: Callable[[float], None] = time.sleep, access: WebAccess | None = None
    ) -> None:
        self._origin = origin
        self._access = access or WebAccess()
        self._rules = rules = origin.rules
        self._sleep = sleep
        self._where = without_secrets(origin.url)
        self._ends = time.monotonic() + rules.longest_s
        self._answer: WebAnswer | None = None
        self._digests: dict[str, bytes] = {}

    def into(
        self,
        path: Path,
        known: WebAnswer | None = None,
        spool: Spool | None = None,
        told: Callable[[int], None] = lambda _: None,
    ) -> WebAnswer | None:
        """Write the file to a path.

        Args:
            path: Where to; what is there is replaced, unless the spool says what it is.
            known: What the server said of the file that the lake has, if there is one.
            spool: What is kept where this run does not live to see the end.
            told: Called with how many bytes of the file are there, whenever there are some more; with 0 before it is
                fetched from the start once more.

        Returns:
            What the server says of it; `None` where it says that the known one is unchanged, and nothing is written.

        Raises:
            AddressRefused: The address, or one that it leads to, is not to be asked.
            FetchFailed: There was no answer that can be used, after every retry.
            AnswerWrong: What came is too large, no file, or not what the server says that it is.
        """
        self._spool = spool or Spool(path)
        self._body = Body(self._origin, self._ends, told)
        if begun := self._spool.begun():
            self._answer, self._digests = begun
        else:
            path.write_bytes(b"")
        try:
            answer = self._whole(path, known)
        except FetchFailed:
            raise  # what has come so far is kept where it may be
        except Exception:
            self._spool.forget()
            raise
        self._spool.forget()
        return answer

    def _whole(self, path: Path, known: WebAnswer | None) -> WebAnswer | None:
        failures = cuts = 0
        with place_at(urlsplit(self._origin.url).netloc), web_client(self._rules) as client:
            while True:
                had = path.stat().st_size
                try:
                    if not self._ask(client, path, known):
                        return None
                    break
                except (Cut, httpx.TransportError) as error:
                    cuts += 1
                    failures = 1 if path.stat().st_size > had else failures + 1
                    self._pause(error, failures, cuts)
        answer = self._answer
        if answer is None:
            raise RuntimeError("an answer was written that is not there")
        check_digests(path, self._digests, self._where)
        modified_ns = max(0, answer.modified_ns)
        os.utime(path, ns=(modified_ns, modified_ns))
        return answer

    def _pause(self, error: Exception, failures: int, cuts: int) -> None:
        why = str(error) if isinstance(error, Cut) else _why(error)
        wait_s = max(2.0 ** (failures - 1) if failures > 1 else 0.5, getattr(error, "wait_s", 0.0))
        over = failures >= TRIES or cuts >= MOST_CUTS or "certificate" in why.lower()
        if over or wait_s > LONGEST_WAIT_S or time.monotonic() + wait_s > self._ends:
            tries = "tries" if cuts > 1 else "try"
            asks = f", and asks for a pause of {wait_s:,.0f} s" if wait_s > LONGEST_WAIT_S else ""
            raise FetchFailed(
                f"{self._where} could not be fetched ({why}, {cuts} {tries}{asks}).",
                remedy="Look after the network and the address, and start the run again.",
            ) from None  # what is behind it may quote the address
        self._sleep(wait_s)

    def _ask(self, client: httpx.Client, path: Path, known: WebAnswer | None) -> bool:
        """Ask once, and write what comes; returns whether it was a file, and not that it is unchanged."""
        offset, headers = path.stat().st_size, dict[str, str]()
        if offset and self._answer and self._answer.if_range:
            headers = {"Range": f"bytes={offset}-", "If-Range": self._answer.if_range}
        elif known and known.address == self._origin.fingerprint:
            headers = known.conditions
        with self._answered(client, headers) as response:
            status = response.status_code
            if status == 304 and known and "Range" not in headers:
                return False
            if status in _TRANSIENT:
                raise Cut(f"HTTP {status}", asked_to_wait_s(response))
            if status == 206 and "Range" in headers and self._goes_on(response, offset):
                self._body.write(response, path, offset)
                return True
            if status in (206, 416):
                self._answer = None  # not the rest of what is here: from the start
                self._body.begin_anew(path)
                raise Cut("it answered with another part than was asked for")
            if status != 200:
                raise refused_by(status, self._where)
            self._answer = answer_of(response, self._origin.fingerprint)
            self._digests = digests_of(response)
            if self._body.is_packed(response):  # its rest cannot be asked for
                self._answer, self._digests = unpacked(self._answer), {}
            self._body.begin_anew(path)
            self._spool.begin(self._answer, self._digests)
            self._body.write(response, path, 0)
            return True

    def _goes_on(self, response: httpx.Response, offset: int) -> bool:
        """Say whether an answer is the rest of the file from an offset on."""
        told = _RANGE.match(response.headers.get("content-range", "").strip())
        now, before = answer_of(response, ""), self._answer
        if told is None or before is None or int(told[1]) != offset:
            return False
        if told[3] != "*" and int(told[2]) != int(told[3]) - 1:
            return False
        length = before.headers.get("content-length", "")
        if length.isdigit() and told[3] != "*" and int(length) != int(told[3]):
            return False
        if before.etag and now.etag != before.etag:  # RFC 9110 has a 206 name it; some servers do not look at If-Range
            return False
        return (now.last_modified or before.last_modified) == before.last_modified

    @contextmanager
    def _answered(self, client: httpx.Client, headers: dict[str, str]) -> Iterator[httpx.Response]:
        """Yield the answer at the end of the redirects."""
        url = self._origin.url
        self._check_scheme(url, None)
        with ExitStack() as stack:
            for _ in range(MOST_REDIRECTS + 1):
                who = self._access.headers_for(url)  # anew for each address, so that no other host gets them
                response = stack.enter_context(client.stream("GET", url, headers=headers | who))
                if response.status_code not in _REDIRECTS:
                    yield response
                    return
                if not (location := response.headers.get("location")):
                    raise FetchFailed(
                        f"{self._where} redirects (HTTP {response.status_code}) without saying where to.",
                        remedy="Open it in a browser.",
                    )
                before, url = url, urljoin(url, location)
                self._check_scheme(url, before)
                stack.pop_all().close()
        raise FetchFailed(
            f"{self._where} leads from redirect to redirect, more than {MOST_REDIRECTS}.",
            remedy="Give the address that it should lead to.",
        )

    def _check_scheme(self, url: str, before: str | None) -> None:
        try:
            httpx.URL(url)
        except httpx.InvalidURL:
            raise AddressRefused(
                f"{self._where} {'redirects to what is' if before else 'is'} not an address.",
                remedy="Correct the address.",
            ) from None  # which quotes it
        scheme, was = urlsplit(url).scheme.lower(), urlsplit(before or "").scheme.lower()
        if scheme == "https" or (scheme == "http" and self._rules.http and was != "https"):
            if "@" in urlsplit(url).netloc:
                raise AddressRefused(
                    f"{self._where} redirects to an address with a name or password.",
                    remedy="Give the address that it should lead to.",
                )
            return
        problem = f"{self._where} redirects to {_scheme_text(scheme)}" if before else f"{self._where} is not https"
        raise AddressRefused(
            f"{problem}, which is not allowed.",
            remedy="Give an https address; INGEST_WEB_HTTP=1 on the worker allows http from the start.",
        )


def _why(error: Exception) -> str:
    kind = type(error).__name__
    text = str(error)
    return f"{kind}: {text[:200]}" if "certificate" in text.lower() else kind


def _scheme_text(scheme: str) -> str:
    """Return what a redirect leads to, by its scheme alone."""
    return f"{scheme[:20]!a}" if scheme else "no address"
