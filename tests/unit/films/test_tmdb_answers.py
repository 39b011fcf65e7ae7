from __future__ import annotations

import gzip
import json
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from flows.lake.films.tmdb_answers import Answer, Answers, parse
from flows.lake.films.tmdb_client import Asked
from flows.lake.films.tmdb_landing import needed

NOW = datetime(2026, 11, 28, 9, tzinfo=UTC)
MOVIE: dict[str, Any] = {
    "original_language": "cn",
    "production_countries": [{"iso_3166_1": "HK", "name": "Hong Kong"}, {"iso_3166_1": "hk", "name": "again"}],
    "credits": {
        "crew": [{"id": 7, "name": "Wong Kar-wai", "job": "Director"}, {"id": 8, "name": "X", "job": "Writer"}]
    },
}


def line(movie: Any = MOVIE, title: str = "tt1", at: datetime = NOW) -> bytes:
    return Asked(title, at, "found", "{}", json.dumps(movie)).line()


def test_parse_reads_countries_directors_and_language_as_iso_has_it() -> None:
    answer = parse(line())
    assert (answer.language, answer.countries, answer.directors) == ("zh", ("HK",), (("Wong Kar-wai", 7),))


def test_line_keeps_the_answer_as_it_came_on_one_line() -> None:
    text = '{"title" : "A\\nB\u2028C",\r\n  "pi": 3.140}'
    asked = Asked("tt1", NOW, "found", '{"movie_results": []}', text)
    (only,) = asked.line().decode().splitlines(keepends=False)[:1] if "\u2028" not in text else [asked.line().decode()]
    assert text.replace("\r\n", " ") in only
    assert asked.line().count(b"\n") == 1
    assert json.loads(asked.line())["movie"]["pi"] == 3.14


def test_answers_take_the_last_one_and_count_what_cannot_be_read() -> None:
    answers = Answers()
    older = line({"original_language": "en"}, at=NOW - timedelta(days=40))
    body = b"".join([line(), older, b"nonsense\n", b'{"imdb_id": "tt2"}\n', line("text", "tt3"), line(None, "tt4")])
    answers.add(gzip.compress(body), date(2026, 11, 28))
    answers.add(gzip.compress(b"[" * 100_000 + b"\n"), date(2026, 11, 28))
    answers.add(b"no gzip", date(2026, 11, 29))
    assert {title: answer.language for title, answer in answers.by_title.items()} == {"tt1": "zh"}
    assert answers.unreadable == 6


@pytest.mark.parametrize("language", ["xx", "", None])
def test_parse_of_a_film_without_language_says_none(language: str | None) -> None:
    assert parse(line(MOVIE | {"original_language": language})).language is None


def test_needed_asks_for_what_is_missing_or_old_and_not_for_what_is_not_there() -> None:
    now = datetime.now(UTC)
    answers = {
        "tt1": Answer("tt1", now - timedelta(days=29), "found"),
        "tt2": Answer("tt2", now - timedelta(days=31), "found"),
        "tt3": Answer("tt3", now - timedelta(days=1), "not found"),
    }
    assert needed(["tt1", "tt2", "tt3", "tt4"], answers, 30) == ["tt2", "tt4"]


def test_parse_takes_numbers_of_64_bits_and_refuses_larger_ones() -> None:
    def directed(number: Any) -> bytes:
        return line({"credits": {"crew": [{"id": number, "name": "A\ud800", "job": "Director"}]}})

    assert parse(directed(2**31)).directors == (("A?", 2**31),)
    for number in (2**63, -1, "seven", 1e400):
        with pytest.raises((ValueError, OverflowError)):
            parse(directed(number))


def test_parse_takes_codes_in_any_spelling() -> None:
    answer = parse(
        line({"original_language": " PT", "production_countries": [{"iso_3166_1": "br "}, {"iso_3166_1": ""}]})
    )
    assert (answer.language, answer.countries) == ("pt", ("BR",))
