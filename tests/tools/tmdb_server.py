"""A TMDB of the tests' own on loopback: it knows the films of a list, and fails as a test scripts it.

`python -m tests.tools.tmdb_server PORT data/films/tmdb.jsonl` serves until it is stopped; `make analysis` uses it, so
that the analysis can be seen without a key.
"""

from __future__ import annotations

import json
import sys
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.tools.scripted_server import Answer, Request, ScriptedServer, scripted_server

TOKEN = "token-of-the-scripted-tmdb"
Fault = Callable[[Request, int], Answer | None]
"""Given a request and how many came before it, what to answer instead of the truth; `None` for the truth."""


def number_of(text: str) -> int:
    """Return a number for a film or person, the same each time."""
    return zlib.crc32(text.encode()) % 10_000_000


@dataclass
class Tmdb:
    """What the server knows, and how it misbehaves."""

    films: dict[str, dict[str, Any]]
    fault: Fault = lambda request, before: None
    asked: list[str] = field(default_factory=list)

    def answer(self, request: Request) -> Answer:
        path = urlsplit(request.path).path
        before = len(self.asked)
        self.asked.append(path)
        if (wrong := self.fault(request, before)) is not None:
            return wrong
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return 401, b'{"status_code":7,"status_message":"Invalid API key: You must be granted a valid key."}'
        kind, _, what = path.removeprefix("/3/").partition("/")
        if kind == "find":
            return 200, as_json(self.found(what))
        film = next((one for one in self.films.values() if str(number_of(one["imdb_id"])) == what), None)
        if kind != "movie" or film is None:
            return 404, b'{"status_code":34,"status_message":"The resource you requested could not be found."}'
        return 200, as_json(movie(film))

    def found(self, title_id: str) -> dict[str, Any]:
        film = self.films.get(title_id)
        results = [movie(film, details=False)] if film else []
        return {"movie_results": results, "person_results": [], "tv_results": []}


def movie(film: dict[str, Any], *, details: bool = True) -> dict[str, Any]:
    """Return a film as TMDB tells it."""
    told: dict[str, Any] = {
        "id": number_of(film["imdb_id"]),
        "title": film["title"],
        "original_title": film["original_title"],
        "original_language": film["original_language"],
        "release_date": film["release_date"],
    }
    if details:
        told |= {
            "imdb_id": film["imdb_id"],
            "production_countries": [{"iso_3166_1": code, "name": code} for code in film["production_countries"]],
            "credits": {
                "cast": [],
                "crew": [{"id": number_of(name), "name": name, "job": "Director"} for name in film["directors"]]
                + [{"id": 1, "name": "Somebody Else", "job": "Writer"}],
            },
        }
    return told


def as_json(told: dict[str, Any]) -> bytes:
    return json.dumps(told, ensure_ascii=False).encode()


def films_of(path: Path) -> dict[str, dict[str, Any]]:
    lines = path.read_text(encoding="utf-8").splitlines()
    return {film["imdb_id"]: film for film in map(json.loads, lines)}


@contextmanager
def tmdb_server(tmdb: Tmdb) -> Iterator[ScriptedServer]:
    with scripted_server(tmdb.answer) as server:
        server.url += "/3"
        yield server


def main() -> None:
    port, path = int(sys.argv[1]), Path(sys.argv[2])
    tmdb = Tmdb(films_of(path))
    with scripted_server(tmdb.answer, port):
        threading.Event().wait()


if __name__ == "__main__":
    main()
