"""A database of films made from a few lines, as the raw layer would hold them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from flows.lake.films import engine, trusted
from flows.lake.films.raw_input import RawInput
from flows.lake.manifests.entries import ManifestColumn, ManifestFile

HEADER = (
    "id|tituloPincipal|tituloOriginal|anoLancamento|tempoMinutos|genero|notaMedia|numeroVotos|generoArtista|personagem"
    "|nomeArtista|anoNascimento|anoFalecimento|profissao|titulosMaisConhecidos"
)


def row(title_id: str = "tt0000001", **facts: str) -> str:
    """Return a row of the raw file, with what a test does not name as usual."""
    usual = {
        "title": "Bacurau",
        "original": "Bacurau",
        "year": "2019",
        "minutes": "131",
        "genres": "Drama,Mystery",
        "rating": "7.3",
        "votes": "32000",
        "role": "actress",
        "character": r"\N",
        "name": "Sônia Braga",
        "born": "1950",
        "died": r"\N",
        "jobs": "actress,producer",
        "known": "tt0077452",
    }
    return "|".join([title_id, *(usual | facts).values()])


def raw_input(header: str = HEADER, **more: Any) -> RawInput:
    file = ManifestFile(
        name="movies.csv",
        known_as="movies.csv",
        dataset="Movies",
        outcome="uploaded",
        key="Raw/Local/CSV/Movies/2026/11/28/movies.csv",
        size_bytes=1,
        delimiter="|",
        encoding="utf-8",
        columns=tuple(ManifestColumn(name, "str", 1) for name in header.split("|")),
        **more,
    )
    return RawInput(file, "Manifests/2026/11/28/run.json", date(2026, 11, 28))


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Any]:
    with engine.connection(tmp_path) as opened:
        yield opened


@pytest.fixture
def load(database: Any, tmp_path: Path) -> Callable[..., trusted.Defects]:
    def loaded(*rows: str, header: str = HEADER, **more: Any) -> trusted.Defects:
        path = tmp_path / "films.csv"
        path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
        return trusted.load(database, path, raw_input(header, **more))

    return loaded
