"""The refined layer of films: a small star of the films that were selected.

`film` is the fact, with its language; `film_person` and `film_country` tie it to those who made it and where; `person`,
`country`, `language` and `region` are what one groups by. The raw file gives performers no number, so a person is a
name with a year of birth: two performers of one name and no known year are one. Directors carry TMDB's number.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from flows.lake.films.engine import write_parquet
from flows.lake.films.layout import REFINED_TABLES, RefinedTable
from flows.lake.films.tmdb_answers import insert

if TYPE_CHECKING:
    from flows.lake.films.engine import Connection

_PERSON_ID = "left(sha256({}), 16)"
_PERFORMER = _PERSON_ID.format("concat_ws('|', name, coalesce(birth_year::VARCHAR, ''))")
_DIRECTOR = _PERSON_ID.format("concat_ws('|', 'tmdb', tmdb_id)")

TABLES: dict[RefinedTable, str] = {
    "film": """
        SELECT title_id AS film_id, title, original_title, release_year, minutes, genres, rating, votes,
            language AS language_code, language_by, title_language, title_confidence
        FROM selected ORDER BY film_id""",
    "person": f"""
        SELECT person_id, min(name) AS name, min(birth_year) AS birth_year, min(tmdb_id) AS tmdb_id FROM (
            SELECT {_PERFORMER} AS person_id, name, birth_year, NULL::BIGINT AS tmdb_id
            FROM performers SEMI JOIN selected USING (title_id)
            UNION ALL SELECT {_DIRECTOR}, name, NULL, tmdb_id FROM tmdb_director SEMI JOIN selected USING (title_id)
        ) GROUP BY person_id ORDER BY person_id""",
    "country": """
        SELECT country_code, name, m49_region, region FROM country WHERE country_code IN (
            SELECT country_code FROM tmdb_country SEMI JOIN selected USING (title_id)) ORDER BY country_code""",
    "language": "SELECT language_code, name FROM language_name ORDER BY language_code",
    "region": """
        SELECT region, list(DISTINCT m49_region ORDER BY m49_region) AS m49_regions FROM country
        WHERE region IS NOT NULL GROUP BY region ORDER BY region""",
    "film_person": f"""
        SELECT film_id, person_id, role FROM (
            SELECT title_id AS film_id, {_PERFORMER} AS person_id, role
            FROM performers SEMI JOIN selected USING (title_id)
            UNION SELECT title_id, {_DIRECTOR}, 'director' FROM tmdb_director SEMI JOIN selected USING (title_id)
        ) ORDER BY film_id, person_id, role""",
    "film_country": """
        SELECT title_id AS film_id, country_code FROM tmdb_country SEMI JOIN selected USING (title_id)
        ORDER BY film_id, country_code""",
}


def build(database: Connection) -> None:
    """Make the star's tables, under their names with `star_` before them."""
    codes = [row[0] for row in database.execute("SELECT DISTINCT language FROM selected").fetchall() if row[0]]
    database.execute("CREATE TABLE language_name (language_code VARCHAR, name VARCHAR)")
    insert(
        database, "language_name", ("language_code", "name"), [(code, language_name(code)) for code in sorted(codes)]
    )
    for table in REFINED_TABLES:
        database.execute(f"CREATE TABLE star_{table} AS {TABLES[table]}")


def write(database: Connection, folder: Path) -> list[tuple[RefinedTable, Path]]:
    """Write each table of the star to a file of its own."""
    folder.mkdir()
    ordered = {table: query.rpartition("ORDER BY")[2] for table, query in TABLES.items()}
    return [
        (
            table,
            write_parquet(
                database, f"SELECT * FROM star_{table} ORDER BY {ordered[table]}", folder / f"{table}.parquet"
            ),
        )
        for table in REFINED_TABLES
    ]


def language_name(code: str) -> str:
    """Return a language's English name; its code where ISO 639 does not know it, or not any more."""
    from iso639 import Lang
    from iso639.exceptions import DeprecatedLanguageValue, InvalidLanguageValue

    try:
        return str(Lang(code).name)
    except (DeprecatedLanguageValue, InvalidLanguageValue):
        return code
