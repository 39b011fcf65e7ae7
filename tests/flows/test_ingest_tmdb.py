"""The flow `ingest-tmdb` against a scripted TMDB, and `analyze-films` on what it landed."""

from __future__ import annotations

import gzip
import io
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import S3
from tests.flows.conftest import artifacts_of, objects, store_block
from tests.tools.scripted_server import Answer, Request
from tests.tools.tmdb_server import TOKEN, Tmdb, films_of, tmdb_server

SAMPLE = Path(__file__).parents[2] / "data/films"
DAY = date(2026, 11, 28)
REPORT = "Reports/Films/2026/11/28/index.html"
PARTS = "Raw/TMDB/JSON/Movies/"

pytestmark = pytest.mark.parametrize("s3", ["moto"], indirect=True)


@contextmanager
def tmdb_block(tmdb: Tmdb, token: str = TOKEN) -> Iterator[str]:
    from blocks.tmdb_credentials import TmdbCredentials

    with tmdb_server(tmdb) as server:
        TmdbCredentials(token=token, base_url=server.url).save("tmdb-test", overwrite=True)
        yield "tmdb-test"


@pytest.fixture
def given(ingest: Any, s3: S3) -> dict[str, Any]:
    ingest(SAMPLE, partition_date=DAY)
    credentials = store_block(f"films-{s3.server.name}", s3)
    return {"bucket": s3.bucket, "credentials": credentials, "partition_date": DAY, "return_state": True}


def ask(given: dict[str, Any], **more: Any) -> Any:
    from flows.ingest_tmdb import ingest_tmdb

    return ingest_tmdb(**(given | {"tmdb": "tmdb-test", "requests_per_second": 40, "max_titles": 6} | more))


def lines(s3: S3) -> list[dict[str, Any]]:
    return [json.loads(line) for key, body in objects(s3, PARTS).items() for line in gzip.decompress(body).splitlines()]


def test_ingest_tmdb_lands_answers_unchanged_and_asks_for_nothing_twice(given: Any, s3: S3) -> None:
    from flows.analyze_films import analyze_films
    from flows.verify_raw import verify_raw

    tmdb = Tmdb(films_of(SAMPLE / "tmdb.jsonl"))
    with tmdb_block(tmdb):
        state = ask(given, max_titles=None, first_year=2019, last_year=2019)
        assert state.is_completed(), state.message
        landed = lines(s3)
        assert {one["outcome"] for one in landed} == {"found"}
        parasite = next(one for one in landed if one["movie"]["title"] == "Parasite")
        film = tmdb.films[parasite["imdb_id"]]
        assert [one["iso_3166_1"] for one in parasite["movie"]["production_countries"]] == film["production_countries"]
        asked = len(tmdb.asked)
        assert asked == 2 * len(landed)
        again = ask(given, max_titles=None, first_year=2019, last_year=2019)
        assert "asked for 0 titles" in again.message
        assert len(tmdb.asked) == asked
        later = ask(given | {"partition_date": DAY + timedelta(days=1)}, max_age_days=0, max_titles=1)
        assert "asked for 1 titles" in later.message
    manifest = json.loads(objects(s3)["Manifests/2026/11/28/2026-11-28 ingest-tmdb.json"])
    assert [one["key"] for one in manifest["files"]] == [f"{PARTS}2026/11/28/part-0001.jsonl.gz"]
    assert TOKEN.encode() not in b"".join(objects(s3).values())
    where = {"bucket": s3.bucket, "credentials": given["credentials"], "return_state": True}
    verified = verify_raw(**where, start_date=DAY, end_date=DAY + timedelta(days=1), deep=True)
    assert verified.is_completed(), verified.message
    report = analyze_films(**given, first_year=2019, last_year=2019)
    assert report.is_completed(), report.message
    text = objects(s3)[REPORT].decode()
    assert "South Korea" in text
    assert "This product uses the TMDB API but is not endorsed or certified by TMDB." in text
    assert "TMDB was not asked, so" not in text
    assert "ingest-tmdb" in [one.key for one in artifacts_of(str(state.state_details.flow_run_id))]


def test_ingest_tmdb_waits_when_told_to_and_remembers_what_is_not_there(given: Any, s3: S3) -> None:
    def fault(request: Request, before: int) -> Answer | None:
        if before < 2:
            return 429, b"{}", {"Retry-After": "1"}
        if before == 3:
            return 500, b"oops"
        if before == 5:
            return 200, b'{"movie_results": [tru'
        return None

    tmdb = Tmdb(dict(list(films_of(SAMPLE / "tmdb.jsonl").items())[5:]), fault)
    with tmdb_block(tmdb):
        state = ask(given, max_titles=None, first_year=2016, last_year=2016)
        assert state.is_completed(), state.message
        assert "1 not found" in state.message or "2 not found" in state.message or "3 not found" in state.message
        asked = len(tmdb.asked)
        ask(given, max_titles=None, first_year=2016, last_year=2016)
        assert len(tmdb.asked) == asked
    assert "not found" in {one["outcome"] for one in lines(s3)}


def test_ingest_tmdb_with_a_film_found_twice_takes_the_one_that_names_the_id(given: Any, s3: S3) -> None:
    films = films_of(SAMPLE / "tmdb.jsonl")

    class Twice(Tmdb):
        def found(self, title_id: str) -> dict[str, Any]:
            told = super().found(title_id)
            other = next(film for key, film in self.films.items() if key != title_id)
            from tests.tools.tmdb_server import movie

            return told | {"movie_results": [movie(other, details=False), *told["movie_results"]]}

    with tmdb_block(Twice(films)):
        assert ask(given, max_titles=3).is_completed()
    assert [one["outcome"] for one in lines(s3)] == ["found"] * 3
    assert all(one["movie"]["imdb_id"] == one["imdb_id"] for one in lines(s3))


def test_ingest_tmdb_of_a_server_that_stops_answering_keeps_what_it_has_and_goes_on(
    given: Any, s3: S3, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flows.analysis import tmdb_tasks
    from flows.lake.films import tmdb_client

    release = threading.Event()

    def fault(request: Request, before: int) -> Answer | None:
        if before >= 4:
            release.wait(30)
        return None

    monkeypatch.setattr(tmdb_client, "TIMEOUT_S", 0.3)
    monkeypatch.setattr(tmdb_client, "TRIES", 1)
    monkeypatch.setattr(tmdb_tasks, "MOST_FAILURES", 2)
    tmdb = Tmdb(films_of(SAMPLE / "tmdb.jsonl"), fault)
    with tmdb_block(tmdb):
        state = ask(given)
        release.set()
        assert state.is_failed()
        assert "no answer in time" in state.message
        assert "start the run again: it goes on where it was" in state.message
        kept = [one["imdb_id"] for one in lines(s3)]
        assert len(kept) == 2
        manifest = json.loads(objects(s3)["Manifests/2026/11/28/2026-11-28 ingest-tmdb.json"])
        assert {one["key"] for one in manifest["files"]} == set(objects(s3, PARTS))
        monkeypatch.setattr(tmdb_client, "TIMEOUT_S", 20.0)
        tmdb.asked.clear()
        tmdb.fault = lambda request, before: None
        assert ask(given).is_completed()
    assert not {f"/3/find/{title}" for title in kept} & set(tmdb.asked)
    assert len({one["imdb_id"] for one in lines(s3)}) == 8


def test_ingest_tmdb_whose_token_is_refused_says_so_and_shows_it_nowhere(given: Any, s3: S3) -> None:
    with tmdb_block(Tmdb(films_of(SAMPLE / "tmdb.jsonl")), token="marker-wrong-token"):
        state = ask(given)
    assert state.is_failed()
    assert "TMDB refuses the token (HTTP 401, Invalid API key" in state.message
    log = objects(s3)["Logs/log-ingest-tmdb-20261128.txt"].decode()
    assert "Run ended Failed" in log
    assert "marker-wrong-token" not in log + state.message


def test_ingest_tmdb_whose_block_is_missing_names_the_command(given: Any, s3: S3) -> None:
    state = ask(given, tmdb="no-such-token")
    assert state.is_failed()
    assert "python -m blocks.tmdb_credentials --name no-such-token" in state.message


def test_command_stores_the_token_and_shows_it_nowhere(
    s3: S3, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from blocks import tmdb_credentials

    monkeypatch.setattr("sys.argv", ["tmdb_credentials", "--name", "tmdb-of-command"])
    monkeypatch.delenv("TMDB_TOKEN", raising=False)
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    assert tmdb_credentials.main() == 2
    monkeypatch.setenv("TMDB_TOKEN", "marker-stored-token")
    assert tmdb_credentials.main() == 0
    told = capsys.readouterr()
    assert "TMDB Credentials block 'tmdb-of-command'" in told.out
    assert "marker-stored-token" not in told.out + told.err
    assert tmdb_credentials.load("tmdb-of-command").token.get_secret_value() == "marker-stored-token"


def test_ingest_tmdb_goes_on_where_a_run_was_killed(given: Any, s3: S3, monkeypatch: pytest.MonkeyPatch) -> None:
    from flows.lake.films import tmdb_landing

    store, dying = tmdb_landing.Landing.store, [False]

    def store_or_die(landing: Any) -> None:
        if dying[0]:
            raise KeyboardInterrupt("killed")
        store(landing)

    def fault(request: Request, before: int) -> Answer | None:
        dying[0] = before >= 9  # while the third part fills
        return None

    monkeypatch.setattr(tmdb_landing, "TITLES_A_PART", 2)
    monkeypatch.setattr(tmdb_landing.Landing, "store", store_or_die)
    tmdb = Tmdb(films_of(SAMPLE / "tmdb.jsonl"), fault)
    with tmdb_block(tmdb):
        with pytest.raises(BaseException, match="killed"):
            ask(given)
        for key in objects(s3, "Manifests/"):
            if "ingest-tmdb" in key:  # a run that is killed for good writes none
                s3.client().delete_object(Bucket=s3.bucket, Key=key)
        kept = [one["imdb_id"] for one in lines(s3)]
        assert len(kept) == 4
        tmdb.asked.clear()
        tmdb.fault, dying[0] = (lambda request, before: None), False
        assert ask(given).is_completed()
    assert not {f"/3/find/{title}" for title in kept} & set(tmdb.asked)
    landed = [one["imdb_id"] for one in lines(s3)]
    assert len(landed) == len(set(landed)) == 10
    manifest = json.loads(objects(s3)["Manifests/2026/11/28/2026-11-28 ingest-tmdb.json"])
    assert {one["key"] for one in manifest["files"]} == set(objects(s3, PARTS))
    assert {one["outcome"] for one in manifest["files"]} == {"uploaded", "unchanged"}
