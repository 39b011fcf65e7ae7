"""What TMDB answered, as the raw layer keeps it: one line of JSON for each title, with the answers as they came.

    {"imdb_id": "tt0000064", "asked_at": "2026-11-28T09:00:00Z", "outcome": "found", "find": {…}, "movie": {…}}

Read here are country, director and language; whoever wants more finds the whole answers in `Raw/`. A title that was
asked again counts by its last answer. What cannot be read is counted, never guessed.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Literal

from flows.lake.words import shown

if TYPE_CHECKING:
    from flows.lake.films.engine import Connection

Outcome = Literal["found", "not found", "several"]
"""`several`: TMDB knows more than one film by the id, and none of them names it as its own."""

NO_LANGUAGE = frozenset({"", "xx"})
"""TMDB's words for films without language."""

OTHER_CODES = {"cn": "zh", "sh": "sr", "mo": "ro"}
"""TMDB's own codes (`cn` is Cantonese), and withdrawn ones, as ISO 639-1 has them."""


@dataclass(frozen=True)
class Answer:
    """What TMDB says of a title.

    Attributes:
        title_id: IMDb's id.
        asked_at: When it was asked.
        outcome: Whether TMDB knows it.
        language: The original language of the film, ISO 639-1.
        countries: The countries of production, ISO 3166-1 alpha-2.
        directors: Name and TMDB's number of each director.
    """

    title_id: str
    asked_at: datetime
    outcome: Outcome
    language: str | None = None
    countries: tuple[str, ...] = ()
    directors: tuple[tuple[str, int], ...] = ()


@dataclass
class Answers:
    """The last answer for each title, the days on which they landed, and how many lines could not be read."""

    by_title: dict[str, Answer] = field(default_factory=dict)
    days: set[date] = field(default_factory=set)
    unreadable: int = 0

    def add(self, body: bytes, day: date) -> None:
        """Add a part, as it lies in the raw layer."""
        self.days.add(day)
        for line in _lines(body):
            try:
                answer = parse(line)
            except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
                self.unreadable += 1
                continue
            known = self.by_title.get(answer.title_id)
            if known is None or known.asked_at <= answer.asked_at:
                self.by_title[answer.title_id] = answer


def _lines(body: bytes) -> Iterator[bytes]:
    try:
        yield from (line for line in gzip.decompress(body).splitlines() if line.strip())
    except (OSError, EOFError):
        yield b""  # one line that cannot be read


def parse(line: bytes) -> Answer:
    """Read one line.

    Raises:
        ValueError: It is not JSON; as do KeyError and TypeError where something else is there than TMDB answers.
    """
    told: dict[str, Any] = json.loads(line)
    outcome = told["outcome"]
    if outcome not in ("found", "not found", "several"):
        raise ValueError(f"unknown outcome {outcome!r}")
    title_id, asked_at = str(told["imdb_id"]), datetime.fromisoformat(told["asked_at"])
    if outcome != "found":
        return Answer(title_id, asked_at, outcome)
    movie = told["movie"]
    language = _text(movie.get("original_language") or "").strip().lower()
    told_countries = (_text(one["iso_3166_1"]).strip().upper() for one in movie.get("production_countries") or ())
    countries = dict.fromkeys(code for code in told_countries if code)
    crew = (movie.get("credits") or {}).get("crew") or ()
    directors = {_number(one["id"]): _text(one["name"]) for one in crew if _directs(one)}
    return Answer(
        title_id,
        asked_at,
        "found",
        None if language in NO_LANGUAGE else OTHER_CODES.get(language, language),
        tuple(countries),
        tuple(sorted((name, number) for number, name in directors.items())),
    )


def _directs(one: dict[str, Any]) -> bool:
    return one.get("job") == "Director" and bool(one.get("name"))


def _text(told: Any) -> str:
    """Return a text; halves of characters, which JSON can escape and no table holds, become question marks."""
    return str(told).encode("utf-8", "replace").decode("utf-8")


def _number(told: Any) -> int:
    """Return a number of TMDB's.

    Raises:
        ValueError: It is not one, or has more than 64 bits.
    """
    if not 0 <= (number := int(told)) < 2**63:
        raise ValueError(f"{shown(str(told))} is not a number of TMDB's")
    return number


def load(database: Connection, answers: Iterable[Answer]) -> None:
    """Load answers into the tables `tmdb_film`, `tmdb_country` and `tmdb_director`."""
    database.execute("""
        CREATE TABLE tmdb_film (title_id VARCHAR, outcome VARCHAR, language VARCHAR);
        CREATE TABLE tmdb_country (title_id VARCHAR, country_code VARCHAR);
        CREATE TABLE tmdb_director (title_id VARCHAR, name VARCHAR, tmdb_id BIGINT)""")
    films: list[tuple[str, str, str | None]] = []
    countries: list[tuple[str, str]] = []
    directors: list[tuple[str, str, int]] = []
    for one in answers:
        films.append((one.title_id, one.outcome, one.language))
        countries += [(one.title_id, code) for code in one.countries]
        directors += [(one.title_id, name, number) for name, number in one.directors]
    insert(database, "tmdb_film", ("title_id", "outcome", "language"), films)
    insert(database, "tmdb_country", ("title_id", "country_code"), countries)
    insert(database, "tmdb_director", ("title_id", "name", "tmdb_id"), directors)


def insert(database: Connection, table: str, columns: tuple[str, ...], rows: Sequence[tuple[Any, ...]]) -> None:
    """Insert rows into a table, a column at a time: one statement for each row takes a thousand times as long."""
    if rows:
        unnested = ", ".join(f"unnest(${number})" for number in range(1, len(columns) + 1))
        by_column = [list(column) for column in zip(*rows, strict=True)]
        database.execute(f"INSERT INTO {table} ({', '.join(columns)}) SELECT {unnested}", by_column)
