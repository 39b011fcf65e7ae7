r"""The trusted layer of films: raw text becomes typed tables, in which each title stands once.

The raw file has a row for each performer of a title, `\N` for what is missing, and lists as text. Here the marker is
gone, numbers are numbers, genres are lists. What is wrong is not mended in silence: it is counted, and the count is in
the report. The first row of a title, in the order of its values, decides where its rows differ. Performers keep the
order of the file, which the same file always has: sorting a million wide rows takes longer than reading them.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from flows.lake.errors import AnalysisInputMissing
from flows.lake.films import raw_rows
from flows.lake.films.engine import count, one_thread_each, write_by_year
from flows.lake.films.layout import TrustedTable
from flows.lake.films.raw_input import RawInput
from flows.lake.words import shown

if TYPE_CHECKING:
    from flows.lake.films.engine import Connection

FACTS = "title, original_title, release_year, minutes, genres, rating, votes"

_LIST = "string_split(nullif({0}, ''), ',') AS {0}"
"""Lists stay text until they are stored: a million of them take twice the time and memory to load."""


@dataclass(frozen=True)
class Defects:
    """What was wrong with the raw file's rows, counted.

    Attributes:
        rows: Its rows.
        unreadable_rows: Rows that do not fit the table.
        lost_rows: Rows that its manifest counts and that were not found, as behind a quote without end.
        without_id: Rows without a title's id.
        years: Titles whose release year is not a number, or not that of a film.
        ratings: Titles whose rating is not a number from 1 to 10, taken as missing.
        rounded_ratings: Titles whose rating has more than one decimal, which is rounded.
        minutes: Titles whose minutes are not a whole number from 1 that fits, taken as missing.
        votes: Titles whose votes are not a whole number that fits, taken as missing.
        lives: Performers' rows with a year of birth or death that is not a year, taken as missing.
        differing: Titles whose rows tell different facts.
        doubled: Performers that stand more than once in a title.
    """

    rows: int
    unreadable_rows: int
    lost_rows: int
    without_id: int
    years: int
    ratings: int
    rounded_ratings: int
    minutes: int
    votes: int
    lives: int
    differing: int
    doubled: int


def load(database: Connection, path: Path, raw: RawInput) -> Defects:
    """Load the raw file into the tables `titles` and `typed`, and the view `performers`.

    Args:
        database: The database; from here on each of its queries has one thread (`engine.one_thread_each`).
        path: The file, as UTF-8.
        raw: What its manifest says of it.

    Raises:
        AnalysisInputMissing: DuckDB cannot read it as the manifest says, it has no rows, or nothing in it has an id.
    """
    import duckdb

    try:
        raw_rows.read(database, path, raw)
    except duckdb.Error as error:
        raise AnalysisInputMissing(
            f"{raw.file.key} cannot be read as its manifest says: {shown(str(error))}",
            remedy="State how it is read in its contract (read, in datasets.yaml), and ingest it again.",
            key=raw.file.key,
        ) from error
    rows = count(database, "SELECT count(*) FROM typed")
    unreadable = count(database, "SELECT count(DISTINCT line) FROM reject_errors")
    lost = max(0, (raw.file.rows or 0) + (raw.file.bad_rows or 0) - rows - unreadable)
    without_id = count(database, "SELECT count(*) FROM typed WHERE title_id IS NULL")
    if not rows:
        raise AnalysisInputMissing(_no_rows(database, raw, unreadable, lost), remedy=_LOOK, key=raw.file.key)
    if rows == without_id:
        raise AnalysisInputMissing(
            f"None of the {rows:,} rows of {raw.file.key} has a title's id.",
            remedy="Look at the source; the analysis needs ids such as tt0000064 in the column id.",
            key=raw.file.key,
        )
    differing, wrong = _titles(database), _wrong(database)
    _forget_titles(database)
    doubled = _performers(database)
    one_thread_each(database)
    return Defects(
        rows=rows,
        unreadable_rows=unreadable,
        lost_rows=lost,
        without_id=without_id,
        years=wrong[raw_rows.BAD_YEAR],
        ratings=wrong[raw_rows.BAD_RATING],
        rounded_ratings=wrong[raw_rows.ROUNDED_RATING],
        minutes=wrong[raw_rows.BAD_MINUTES],
        votes=wrong[raw_rows.BAD_VOTES],
        lives=wrong[raw_rows.BAD_LIFE],
        differing=differing,
        doubled=doubled,
    )


_LOOK = "Look at the source: close or double its quotes, or state in its contract how it is read, and ingest it again."


def _no_rows(database: Connection, raw: RawInput, unreadable: int, lost: int) -> str:
    first = database.execute("SELECT line, error_message FROM reject_errors ORDER BY line LIMIT 1").fetchone()
    if first is None:
        return f"{raw.file.key} has no rows below its header."
    behind = f", and {lost:,} rows behind are lost with it" if lost else ""
    why = shown(str(first[1]).splitlines()[0])
    return f"No row of {raw.file.key} can be read: {unreadable:,} do not fit the table{behind}; line {first[0]}: {why}"


def _wrong(database: Connection) -> dict[int, int]:
    """Return how many titles have each kind of wrong value; for those of performers, how many rows."""
    bits = (
        raw_rows.BAD_YEAR, raw_rows.BAD_RATING, raw_rows.ROUNDED_RATING, raw_rows.BAD_MINUTES, raw_rows.BAD_VOTES,
    )  # fmt: skip
    titles = ", ".join(f"count(DISTINCT title_id) FILTER (wrong & {bit} > 0)" for bit in bits)
    row = database.execute(f"""
        SELECT {titles}, count(*) FILTER (wrong & {raw_rows.BAD_LIFE} > 0) FROM typed WHERE wrong > 0""").fetchone()
    return dict(zip((*bits, raw_rows.BAD_LIFE), row or (0,) * 6, strict=True))


def _titles(database: Connection) -> int:
    """Make the tables of titles, once each, and of those with rows that differ; returns how many these are."""
    once = "list_filter({0}, lambda one, place: list_position({0}, one) = place)"
    facts = FACTS.replace("genres", f"{once.format(_LIST.format('genres').partition(' AS ')[0])} AS genres")
    database.execute(f"""
        CREATE TABLE told AS SELECT DISTINCT title_id, {FACTS} FROM typed WHERE title_id IS NOT NULL;
        CREATE TABLE differing AS SELECT title_id FROM told GROUP BY title_id HAVING count(*) > 1;
        CREATE TABLE titles AS
            SELECT title_id, {facts} FROM told ANTI JOIN differing USING (title_id)
            UNION ALL SELECT title_id, {facts} FROM told SEMI JOIN differing USING (title_id)
                QUALIFY row_number() OVER (PARTITION BY title_id ORDER BY {FACTS}) = 1;
        DROP TABLE told""")
    return count(database, "SELECT count(*) FROM differing")


def _forget_titles(database: Connection) -> None:
    """Drop what `titles` says from the rows: it frees a third of their memory, and writing finds room for its own."""
    for column in (*FACTS.split(", "), "wrong"):
        if column != "release_year":
            database.execute(f"ALTER TABLE typed DROP COLUMN {column}")


_PERFORMER = "title_id, name, role, birth_year"
_OF_PERFORMER = "character, death_year, professions, known_for"
_NAMED = "title_id IS NOT NULL AND name IS NOT NULL"


def _performers(database: Connection) -> int:
    """Make the view of performers, once each in a title; returns how many rows tell of one that was told before.

    One who plays two parts in a title is one performer, with the first of them. Titles with such a one, and those whose
    rows differ about their year, are few: only theirs are grouped, and joined with the year that counts.
    """
    first = ", ".join(f"min({name}) AS {name}" for name in _OF_PERFORMER.split(", "))
    database.execute(f"""
        CREATE TABLE doubled AS SELECT title_id, count(*) - 1 AS more FROM typed
            WHERE {_NAMED} GROUP BY {_PERFORMER} HAVING count(*) > 1;
        CREATE TABLE special AS SELECT title_id FROM doubled UNION SELECT title_id FROM differing;
        CREATE TABLE of_special AS SELECT titles.release_year, told.* FROM (
            SELECT {_PERFORMER}, {first} FROM typed SEMI JOIN special USING (title_id) WHERE {_NAMED}
            GROUP BY {_PERFORMER}) told JOIN titles USING (title_id) ORDER BY {_PERFORMER};
        CREATE VIEW performers AS
            SELECT release_year, {_PERFORMER}, {_OF_PERFORMER} FROM typed ANTI JOIN special USING (title_id)
                WHERE {_NAMED}
            UNION ALL SELECT release_year, {_PERFORMER}, {_OF_PERFORMER} FROM of_special""")
    return count(database, "SELECT coalesce(sum(more), 0) FROM doubled")


TITLES = (
    f"SELECT release_year, title_id, {FACTS.replace('release_year, ', '')} FROM titles ORDER BY release_year, title_id"
)
PERFORMERS = f"""
    SELECT release_year, title_id, name, role, character, birth_year, death_year,
        {_LIST.format("professions")}, {_LIST.format("known_for")}
    FROM performers"""
"""The rows of the layer's two tables, in the order in which they are stored."""

QUERIES: dict[TrustedTable, str] = {"performers": PERFORMERS, "titles": TITLES}


def write(database: Connection, folder: Path) -> dict[TrustedTable, list[tuple[str, Path]]]:
    """Write both tables to files by release year.

    One thread does it, which has about as much to do as one that identifies languages beside it.

    Returns:
        For each table its files: the place below the table, and the path.
    """
    return {table: write_by_year(database, query, folder / table) for table, query in QUERIES.items()}
