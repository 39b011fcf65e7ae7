"""The client against a scripted TMDB on loopback; nobody really sleeps."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from flows.lake.errors import TmdbRefused, TmdbUnreachable
from flows.lake.films.tmdb_client import TRIES, TmdbClient
from tests.tools.scripted_server import Answer, Request
from tests.tools.tmdb_server import TOKEN, Fault, Tmdb, films_of, tmdb_server

FILMS = films_of(Path(__file__).resolve().parents[3] / "data/films/tmdb.jsonl")
KNOWN = "tt9900001"


@dataclass
class Talk:
    client: TmdbClient
    tmdb: Tmdb
    slept: list[float]
    paced: list[int]


@contextmanager
def talk(fault: Fault = lambda request, before: None, *, token: str = TOKEN, timeout: float = 5) -> Iterator[Talk]:
    tmdb, slept, paced = Tmdb(FILMS, fault), [], []
    headers = {"Authorization": f"Bearer {token}"}
    with tmdb_server(tmdb) as server, httpx.Client(base_url=server.url, headers=headers, timeout=timeout) as http:
        yield Talk(TmdbClient(http, lambda: paced.append(1), slept.append), tmdb, slept, paced)


def first(count: int, answer: Answer) -> Fault:
    return lambda request, before: answer if before < count else None


def test_ask_finds_a_film_with_two_requests_at_the_callers_pace() -> None:
    with talk() as now:
        asked = now.client.ask(KNOWN)
        assert asked.outcome == "found"
        assert json.loads(asked.movie or "")["production_countries"][0]["iso_3166_1"] == "BR"
        assert len(now.tmdb.asked) == len(now.paced) == now.client.requests == 2
        assert now.slept == []


def test_ask_of_a_title_that_tmdb_does_not_know_is_an_answer() -> None:
    with talk() as now:
        assert now.client.ask("tt0000000").outcome == "not found"
    with talk(first(1, (404, b"{}"))) as now:
        assert now.client.ask(KNOWN).outcome == "not found"


@pytest.mark.parametrize(
    ("answer", "slept"),
    [
        ((429, b"{}", {"Retry-After": "7"}), [7, 7, 7]),
        ((429, b"{}"), [1, 2, 4]),
        ((503, b"", {"Retry-After": "Thu, 01 Jan 1970 00:00:00 GMT"}), [1, 2, 4]),
        ((429, b"{}", {"Retry-After": "soon"}), [1, 2, 4]),
        ((500, b"oops"), [1, 2, 4]),
        ((200, b'{"movie_results": ['), [1, 2, 4]),
        ((200, b"\xff\xfe"), [1, 2, 4]),
        ((200, b"[" * 100_000), [1, 2, 4]),
        ((200, b"[]"), [1, 2, 4]),
    ],
)
def test_ask_waits_as_long_as_it_is_told_and_asks_again(answer: Answer, slept: list[float]) -> None:
    with talk(first(3, answer)) as now:
        assert now.client.ask(KNOWN).outcome == "found"
        assert now.slept == slept
        assert len(now.paced) == 5


def test_ask_of_a_server_that_stays_away_says_so_after_its_tries() -> None:
    with talk(first(99, (500, b""))) as now:
        with pytest.raises(TmdbUnreachable, match="HTTP 500, 6 tries"):
            now.client.ask(KNOWN)
        assert len(now.tmdb.asked) == TRIES


def test_ask_of_a_server_that_asks_for_an_hour_gives_up_at_once() -> None:
    with talk(first(99, (429, b"{}", {"Retry-After": "3600"}))) as now:
        with pytest.raises(TmdbUnreachable, match="HTTP 429, 1 tries"):
            now.client.ask(KNOWN)
        assert now.slept == []


def test_ask_of_a_slow_server_times_out_and_asks_again() -> None:
    import threading

    release = threading.Event()

    def slow(request: Request, before: int) -> Answer | None:
        if before == 0:
            release.wait(30)
        return None

    with talk(slow, timeout=0.5) as now:
        assert now.client.ask(KNOWN).outcome == "found"
        assert now.slept == [1]
        release.set()


def test_ask_of_a_server_that_never_answers_in_time_says_so() -> None:
    import threading

    release = threading.Event()

    def silent(request: Request, before: int) -> Answer | None:
        release.wait(30)
        return None

    with talk(silent, timeout=0.05) as now:
        with pytest.raises(TmdbUnreachable, match=r"no answer in time, 6 tries\).*it goes on where it was"):
            now.client.ask(KNOWN)
        release.set()
        assert now.slept == [1, 2, 4, 8, 16]


def test_ask_of_an_answer_that_trickles_gives_it_up(monkeypatch: pytest.MonkeyPatch) -> None:
    from flows.lake.films import tmdb_client

    monkeypatch.setattr(tmdb_client, "LONGEST_ANSWER_S", -1.0)
    with talk() as now, pytest.raises(TmdbUnreachable, match="no answer in time"):
        now.client.ask(KNOWN)


def test_ask_of_a_film_that_was_taken_away_between_two_requests_is_an_answer() -> None:
    with talk(lambda request, before: (404, b"{}") if "/movie/" in request.path else None) as now:
        asked = now.client.ask(KNOWN)
        assert (asked.outcome, asked.movie) == ("not found", None)
        assert json.loads(asked.find)["movie_results"]


def test_ask_of_a_compressed_answer_without_its_end_asks_again() -> None:
    whole = gzip.compress(b'{"movie_results": [], "filler": "%s"}' % bytes(range(97, 123)) * 40)
    for part in (whole[:-30], whole[:-4] + b"nope", b"no gzip"):
        with talk(first(1, (200, part, {"Content-Encoding": "gzip"}))) as now:
            assert now.client.ask(KNOWN).outcome == "found"
            assert now.slept == [1]


def test_ask_with_a_wrong_token_ends_everything_without_showing_it() -> None:
    with talk(token="marker-wrong") as now:
        with pytest.raises(TmdbRefused, match="Invalid API key") as raised:
            now.client.ask(KNOWN)
        assert "marker-wrong" not in str(raised.value)
        assert len(now.tmdb.asked) == 1


@pytest.mark.parametrize("results", [[{}], ["text"], [{"id": "seven"}], None])
def test_ask_of_results_that_are_none_finds_nothing(results: Any) -> None:
    with talk(first(1, (200, json.dumps({"movie_results": results}).encode()))) as now:
        assert now.client.ask(KNOWN).outcome == "not found"


def test_ask_of_an_id_that_two_films_have_and_neither_names_says_several() -> None:
    def twice(request: Request, before: int) -> Answer | None:
        if "/find/" in request.path:
            return 200, b'{"movie_results": [{"id": 1}, {"id": 2}]}'
        return 200, b'{"imdb_id": "tt5"}'

    with talk(twice) as now:
        assert now.client.ask(KNOWN).outcome == "several"
