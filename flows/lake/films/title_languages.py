"""The language of every distinct original title, in a table that films are joined with."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING

from flows.lake.films import languages
from flows.lake.films.tmdb_answers import insert
from flows.lake.memory import seldom_collected

if TYPE_CHECKING:
    from flows.lake.films.engine import Connection

AT_A_TIME = 5_000
"""Titles in memory at once."""


@contextmanager
def prepared() -> Iterator[None]:
    """Load the words and models in another thread meanwhile; they are loaded at the end of the block."""
    with ThreadPoolExecutor(1) as beside:
        loaded = beside.submit(seldom_collected()(languages.identify), "any title")
        yield
    loaded.result()


@seldom_collected()
def identify_all(database: Connection) -> int:
    """Make the table `identified`; returns how many titles it has."""
    database.execute("CREATE TABLE identified (title VARCHAR, code VARCHAR, confidence DOUBLE)")
    wanted = database.cursor().execute(
        "SELECT DISTINCT original_title FROM titles WHERE original_title IS NOT NULL ORDER BY original_title"
    )
    done = 0
    while titles := wanted.fetchmany(AT_A_TIME):
        names = [title for (title,) in titles]
        rows = [(name, *told) for name, told in zip(names, languages.identify_all(names), strict=True)]
        insert(database, "identified", ("title", "code", "confidence"), rows)
        done += len(rows)
    return done
