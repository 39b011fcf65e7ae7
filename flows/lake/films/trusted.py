r"""The trusted layer of films: raw text becomes typed tables, in which each title stands once.

The raw file has a row for each performer of a title, `\N` for what is missing, and lists as text. Here the marker is
gone, numbers are numbers, genres are lists. What is wrong is not mended in silence: it is counted, and the count is in
the report. The first row of a title, in the order of its values, decides where its rows differ.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from flows.lake.errors import AnalysisInputMissing
from flows.lake.films.engine import count, text
from flows.lake.films.inputs import TITLE_COLUMNS, RawInput
from flows.lake.units import MIB
from flows.lake.words import shown

if TYPE_CHECKING:
    from flows.lake.films.engine import Connection

LOWEST_RATING, HIGHEST_RATING = 1, 10
FIRST_YEAR, LAST_YEAR = 1870, 2100
"""A release year outside is no year: the first films are of the 1870s."""

LONGEST_LINE_BYTES = 16 * MIB
"""A longer line is counted as one that does not fit the table."""

FACTS = "title, original_title, release_year, minutes, genres, rating, votes"

_TIDY = """CREATE OR REPLACE MACRO tidy(told) AS CASE
    WHEN contains(told, ' ') OR contains(told, ',,') OR starts_with(told, ',') OR ends_with(told, ',')
    THEN array_to_string([trim(one) FOR one IN string_split(told, ',') IF trim(one) <> ''], ',')
    ELSE told END"""
"""A list as text without blanks and gaps. Most have none, and looking for them takes a tenth of splitting."""

_LIST = "string_split(nullif({0}, ''), ',') AS {0}"
"""Lists stay text until they are stored: a million of them take twice the time and memory to load."""


@dataclass(frozen=True)
class Defects:
    """What was wrong with the raw file's rows, counted.

    Attributes:
        rows: Its rows.
        unreadable_rows: Rows that do not fit the table.
        without_id: Rows without a title's id.
        years: Titles whose release year is no number, or none of a film.
        ratings: Titles whose rating is no number from 1 to 10, taken as missing.
        differing: Titles whose rows tell different facts.
        doubled: Performers that stand more than once in a title.
    """

    rows: int
    unreadable_rows: int
    without_id: int
    years: int
    ratings: int
    differing: int
    doubled: int


def load(database: Connection, path: Path, raw: RawInput) -> Defects:
    """Load the raw file into the table `titles` and the view `performers`.

    Args:
        database: The database.
        path: The file, as UTF-8.
        raw: What its manifest says of it.

    Raises:
        AnalysisInputMissing: DuckDB cannot read it as the manifest says, or nothing in it has an id.
    """
    import duckdb

    try:
        _read(database, path, raw)
    except duckdb.Error as error:
        raise AnalysisInputMissing(
            f"{raw.file.key} cannot be read as its manifest says: {shown(str(error))}",
            remedy="State how it is read in its contract (read, in datasets.yaml), and ingest it again.",
            key=raw.file.key,
        ) from error
    rows = count(database, "SELECT count(*) FROM typed")
    without_id = count(database, "SELECT count(*) FROM typed WHERE title_id IS NULL")
    if rows == without_id:
        raise AnalysisInputMissing(
            f"None of the {rows:,} rows of {raw.file.key} has a title's id.",
            remedy="Look at the source; the analysis needs ids such as tt0000064 in the column id.",
            key=raw.file.key,
        )
    differing = _titles(database)
    doubled = _performers(database)
    return Defects(
        rows=rows,
        unreadable_rows=count(database, "SELECT count(DISTINCT line) FROM reject_errors"),
        without_id=without_id,
        years=count(database, "SELECT count(DISTINCT title_id) FROM typed WHERE bad_year"),
        ratings=count(database, "SELECT count(DISTINCT title_id) FROM typed WHERE bad_rating"),
        differing=differing,
        doubled=doubled,
    )


def _read(database: Connection, path: Path, raw: RawInput) -> None:
    """Read the file as text, and give it its types in the same pass."""
    names = [column.name for column in raw.file.columns]
    title = next(name for name in TITLE_COLUMNS if name in names)
    quote = text(raw.file.quotechar or '"')
    columns = ", ".join(f"{text(name)}: 'VARCHAR'" for name in names)
    database.execute(_TIDY)
    # All is stated: where DuckDB has to find out, a title with a stray quote keeps it from reading the whole file.
    database.execute(
        "CREATE TABLE typed AS "
        + _TYPED.format(
            title=f'"{title}"',
            csv=f"read_csv({text(path)}, auto_detect=false, columns={{{columns}}},"
            f" delim={text(raw.file.delimiter or ',')}, quote={quote}, escape={quote}, header=true,"
            f" max_line_size={LONGEST_LINE_BYTES},"
            f" buffer_size={2 * LONGEST_LINE_BYTES}, store_rejects=true, nullstr='\\N')",
        )
    )


_RATED = f"rating_number BETWEEN {LOWEST_RATING} AND {HIGHEST_RATING}"
_DATED = f"year_number BETWEEN {FIRST_YEAR} AND {LAST_YEAR}"
_TYPED = f"""
    SELECT
        CASE WHEN regexp_full_match(trim(id), 'tt[0-9]+') THEN trim(id) END AS title_id,
        nullif(trim({{title}}), '') AS title,
        coalesce(nullif(trim(tituloOriginal), ''), nullif(trim({{title}}), '')) AS original_title,
        CASE WHEN {_DATED} THEN year_number::SMALLINT END AS release_year,
        ({_DATED}) IS NOT TRUE AS bad_year,
        try_cast(tempoMinutos AS INTEGER) AS minutes,
        tidy(genero) AS genres,
        CASE WHEN {_RATED} THEN rating_number::DECIMAL(3, 1) END AS rating,
        nullif(trim(notaMedia), '') IS NOT NULL AND ({_RATED}) IS NOT TRUE AS bad_rating,
        try_cast(numeroVotos AS INTEGER) AS votes,
        nullif(trim(nomeArtista), '') AS name,
        nullif(trim(generoArtista), '') AS role,
        nullif(trim(personagem), '') AS character,
        try_cast(anoNascimento AS SMALLINT) AS birth_year,
        try_cast(anoFalecimento AS SMALLINT) AS death_year,
        tidy(profissao) AS professions,
        tidy(titulosMaisConhecidos) AS known_for
    FROM (
        SELECT *, try_cast(trim(anoLancamento) AS INTEGER) AS year_number,
            try_cast(replace(notaMedia, ',', '.') AS DOUBLE) AS rating_number
        FROM {{csv}}
    )"""


def _titles(database: Connection) -> int:
    """Make the table of titles, once each; returns how many have rows that differ."""
    facts = FACTS.replace("genres", _LIST.format("genres"))
    database.execute(f"""
        CREATE TABLE told AS SELECT DISTINCT title_id, {FACTS} FROM typed WHERE title_id IS NOT NULL;
        CREATE TABLE titles AS SELECT title_id, {facts} FROM told
            QUALIFY row_number() OVER (PARTITION BY title_id ORDER BY {FACTS}) = 1""")
    differing = count(
        database, "SELECT count(*) FROM (SELECT title_id FROM told GROUP BY title_id HAVING count(*) > 1)"
    )
    database.execute("DROP TABLE told")
    return differing


_PERFORMER = "title_id, name, role, birth_year"
_OF_PERFORMER = "character, death_year, professions, known_for"


def _performers(database: Connection) -> int:
    """Make the view of performers, once each in a title; returns how many rows tell of one that was told before.

    One who plays two parts in a title is one performer, with the first of them. Such are few: only they are grouped.
    """
    first = ", ".join(f"min({name}) AS {name}" for name in _OF_PERFORMER.split(", "))
    database.execute(f"""
        CREATE TABLE doubled AS SELECT {_PERFORMER}, count(*) - 1 AS more FROM typed
            WHERE title_id IS NOT NULL AND name IS NOT NULL GROUP BY {_PERFORMER} HAVING count(*) > 1;
        CREATE VIEW told_of AS SELECT {_PERFORMER}, {_OF_PERFORMER}, (title_id, name) IN (
            SELECT (title_id, name) FROM doubled) AS perhaps_doubled FROM typed
            WHERE title_id IS NOT NULL AND name IS NOT NULL;
        CREATE VIEW performers AS
            SELECT {_PERFORMER}, {_OF_PERFORMER} FROM told_of WHERE NOT perhaps_doubled
            UNION ALL SELECT {_PERFORMER}, {first} FROM told_of WHERE perhaps_doubled GROUP BY {_PERFORMER}""")
    return count(database, "SELECT coalesce(sum(more), 0) FROM doubled")


TITLES = (
    f"SELECT release_year, title_id, {FACTS.replace('release_year, ', '')} FROM titles ORDER BY release_year, title_id"
)
PERFORMERS = f"""
    SELECT titles.release_year, title_id, name, role, character, birth_year, death_year,
        {_LIST.format("professions")}, {_LIST.format("known_for")}
    FROM performers JOIN titles USING (title_id)
    ORDER BY titles.release_year, title_id, name, role, birth_year"""
"""The rows of the layer's two tables, in the order in which they are stored."""
