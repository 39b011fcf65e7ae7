"""TMDB's API as the ingestion asks it: find a film by IMDb's id, then its countries and credits.

https://developer.themoviedb.org/reference/find-by-id and …/movie-details. What is transient (429, 5xx, time-outs, an
answer that is no JSON) is asked again, after as long as the server says; a token that is refused ends everything.
The pace is the caller's: it is called before every request, repeated ones included.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from flows.lake.errors import TmdbRefused, TmdbUnreachable
from flows.lake.films.tmdb_answers import Outcome
from flows.lake.words import shown

if TYPE_CHECKING:
    import httpx

TRIES = 6
TIMEOUT_S = 20.0
"""For the connection, and between two pieces of an answer."""

LONGEST_ANSWER_S = 60.0
"""An answer that trickles is none: without this, a piece every 19 s would keep the run for days."""

LONGEST_WAIT_S = 120.0
"""A server that asks for more is away: the run says so, and goes on another time."""

_LINE_BREAKS = re.compile(r"[\r\n]+")
LONGEST_ANSWER_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True)
class Asked:
    """What TMDB answered about a title: the texts as they came."""

    title_id: str
    asked_at: datetime
    outcome: Outcome
    find: str
    movie: str | None = None

    def line(self) -> bytes:
        """Return the line of JSON that the raw layer keeps.

        A line break between the parts of an answer, which JSON Lines cannot hold, becomes a blank; JSON has none
        elsewhere.
        """
        head = json.dumps(
            {"imdb_id": self.title_id, "asked_at": f"{self.asked_at:%Y-%m-%dT%H:%M:%SZ}", "outcome": self.outcome}
        )
        find, movie = (_LINE_BREAKS.sub(" ", text) for text in (self.find, self.movie or "null"))
        return f'{head[:-1]}, "find": {find}, "movie": {movie}}}\n'.encode()


class TmdbClient:
    """Asks TMDB, at the pace of its caller.

    Args:
        http: A client with the token in its headers and the API's address as its base.
        pace: Called before each request.
        sleep: Waits for so many seconds.
    """

    def __init__(
        self, http: httpx.Client, pace: Callable[[], None], sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._http = http
        self._pace = pace
        self._sleep = sleep
        self.requests = 0

    def ask(self, title_id: str) -> Asked:
        """Ask for a title.

        Raises:
            TmdbRefused: The token is not accepted.
            TmdbUnreachable: There was no answer that can be used, after every retry.
        """
        now = datetime.now(UTC)
        find = self._get(f"/find/{title_id}", {"external_source": "imdb_id"})
        if find is None:
            return Asked(title_id, now, "not found", "null")
        results = json.loads(find).get("movie_results") or []
        numbers = dict.fromkeys(
            one["id"] for one in results if isinstance(one, dict) and isinstance(one.get("id"), int)
        )
        movies = [self._get(f"/movie/{number}", {"append_to_response": "credits"}) for number in numbers]
        known = [text for text in movies if text is not None]
        if len(known) > 1:
            # TMDB says in each film's own record which id of IMDb's it has.
            known = [text for text in known if json.loads(text).get("imdb_id") == title_id]
            if len(known) != 1:
                return Asked(title_id, now, "several", find)
        return Asked(title_id, now, "found", find, known[0]) if known else Asked(title_id, now, "not found", find)

    def _get(self, path: str, query: dict[str, str]) -> str | None:
        """Return the text of an answer, a JSON object; `None` for 404."""
        import httpx

        problem = ""
        for attempt in range(1, TRIES + 1):
            self._pace()
            self.requests += 1
            wait_s = float(2 ** (attempt - 1))
            try:
                with self._http.stream("GET", path, params=query) as answer:
                    body = self._whole(answer)
            except httpx.TimeoutException:
                problem = "no answer in time"
            except httpx.DecodingError:
                problem = "a compressed answer that is broken"
            except httpx.RequestError as error:
                problem = type(error).__name__
            else:
                if answer.status_code == 404:
                    return None
                if answer.status_code in (401, 403):
                    raise _refused(answer.status_code, body)
                text, problem = _usable(answer.status_code, body)
                if not problem:
                    return text
                if answer.status_code in (429, 503):
                    wait_s = max(wait_s, _asked_to_wait_s(answer))
                elif 400 <= answer.status_code < 500:
                    break  # asking again would not change it
            if wait_s > LONGEST_WAIT_S or attempt == TRIES:
                break
            self._sleep(wait_s)
        raise TmdbUnreachable(
            f"TMDB gave no answer that can be used for {path} ({problem}, {attempt} tries).",
            remedy="Look after the network or TMDB's status, and start the run again: it goes on where it was.",
        )

    @staticmethod
    def _whole(answer: httpx.Response) -> bytes:
        """Return the bytes of an answer, up to a little more than may be.

        Raises:
            httpx.ReadTimeout: It takes too long.
        """
        import httpx

        body, started = bytearray(), time.monotonic()
        for piece in answer.iter_bytes():
            body += piece
            if time.monotonic() - started > LONGEST_ANSWER_S:
                raise httpx.ReadTimeout("The answer trickles.", request=answer.request)
            if len(body) > LONGEST_ANSWER_BYTES:
                break
        return bytes(body)


def _usable(status: int, body: bytes) -> tuple[str, str]:
    """Return the text of an answer, and what is wrong with it, if anything is."""
    if status != 200:
        return "", f"HTTP {status}"
    if len(body) > LONGEST_ANSWER_BYTES:
        return "", f"more than {LONGEST_ANSWER_BYTES:,} bytes"
    try:
        text = body.decode("utf-8")
        told: Any = json.loads(text)
    except (ValueError, RecursionError):
        return "", "not JSON"
    return (text, "") if isinstance(told, dict) else ("", "no JSON object")


def _refused(status: int, body: bytes) -> TmdbRefused:
    try:
        why = shown(str(json.loads(body).get("status_message", "")))
    except (ValueError, AttributeError, RecursionError):
        why = ""
    return TmdbRefused(
        f"TMDB refuses the token (HTTP {status}{f', {why}' if why else ''}).",
        remedy="Store TMDB's API read access token anew with `python -m blocks.tmdb_credentials`.",
    )


def _asked_to_wait_s(answer: httpx.Response) -> float:
    """Return the seconds that `Retry-After` names, as a number or as a date; 0 where it says nothing."""
    told = answer.headers.get("Retry-After", "").strip()
    if told.isdigit():
        return float(told)
    try:
        return max(0.0, (parsedate_to_datetime(told) - datetime.now(UTC)).total_seconds())
    except (TypeError, ValueError):
        return 0.0
