"""The four questions, answered from the star of the refined layer.

A co-production counts once for each of its countries, and once in a region, however many of its countries lie there.
Where TMDB was not asked, what needs a country or a director is not answered; the answer says what is missing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from flows.lake.films.engine import Connection
    from flows.lake.films.selection import Criteria, Selection

NEEDS_TMDB = (
    "TMDB was not asked, so no country and no director is known. Store a TMDB token"
    " (python -m blocks.tmdb_credentials), run ingest-tmdb, then this analysis again."
)
MARKET_YEAR = 2016
"""The year in which streaming reached almost every country."""

Row = tuple[str | int | float, ...]


@dataclass(frozen=True)
class Answer:
    """One question, and what the films say.

    Attributes:
        question: The question.
        sentence: The answer in a sentence or two.
        header: The columns of the table.
        rows: The table.
        bars: What the plot shows: a label and a number for each bar; several numbers stand on each other.
        series: The name of each of those numbers.
        missing: What it would take to answer it, where it cannot be answered.
    """

    question: str
    sentence: str
    header: tuple[str, ...] = ()
    rows: tuple[Row, ...] = ()
    bars: tuple[tuple[str, tuple[int, ...]], ...] = ()
    series: tuple[str, ...] = ()
    missing: str | None = None


def answer_all(database: Connection, selection: Selection, criteria: Criteria) -> tuple[Answer, ...]:
    """Answer the four questions."""
    return (
        _years(database, selection, criteria),
        _performers(database, criteria),
        _directors(database, selection, criteria),
        _nationalities(database, selection, criteria),
    )


def _rows(database: Connection, query: str) -> list[tuple[Any, ...]]:
    return list(database.execute(query).fetchall())


def _years(database: Connection, selection: Selection, criteria: Criteria) -> Answer:
    question = f"How many films were released each year, by region? Is there a rise after {MARKET_YEAR}?"
    total = {
        int(year): int(films)
        for year, films in _rows(database, "SELECT release_year, count(*) FROM star_film GROUP BY 1 ORDER BY 1")
    }
    if not total:
        return Answer(question, "No film was selected.")
    years = range(min(total), max(total) + 1)
    rise = _rise(total)
    if not selection.has_countries:
        rows = tuple((str(year), total.get(year, 0)) for year in years)
        bars = tuple((str(year), (total.get(year, 0),)) for year in years)
        return Answer(question, rise, ("Year", "Films"), rows, bars, ("Films",), f"By region: {NEEDS_TMDB}")
    counted = {
        (int(year), str(region)): int(films)
        for year, region, films in _rows(
            database,
            """
        SELECT release_year, region, count(DISTINCT film_id) FROM star_film JOIN star_film_country USING (film_id)
            JOIN star_country USING (country_code) GROUP BY ALL""",
        )
    }
    series = criteria.regions
    by_year = {year: tuple(counted.get((year, region), 0) for region in series) for year in years}
    table: tuple[Row, ...] = tuple((str(year), *by_year[year], total.get(year, 0)) for year in years)
    shared = sum(map(sum, by_year.values())) - sum(total.values())
    note = f" {shared:,} times a film counts in a second region, so a row's regions may add up to more than its films."
    return Answer(
        question,
        rise + (note if shared else ""),
        ("Year", *series, "Films"),
        table,
        tuple((str(year), by_year[year]) for year in years),
        series,
    )


def _rise(total: dict[int, int]) -> str:
    """Compare the years before and after; the last year of the films may not be over, so it does not count."""
    before = [films for year, films in _filled(total) if year < MARKET_YEAR]
    after = [films for year, films in _filled(total)[:-1] if year > MARKET_YEAR]
    if not before or not after:
        return f"The films do not reach from before {MARKET_YEAR} to two years after it: nothing can be compared."
    mean_before, mean_after = sum(before) / len(before), sum(after) / len(after)
    change = 100 * (mean_after / mean_before - 1) if mean_before else 0.0
    verdict = "Yes" if change >= 10 else "No" if change <= -10 else "Hardly"
    return (
        f"{verdict}: {mean_before:,.1f} films a year before {MARKET_YEAR}, {mean_after:,.1f} after it up to"
        f" {_filled(total)[-2][0]} ({change:+.0f} %). The last year, {max(total)}, is left out of the mean, as it may"
        " not be over. A rise at the same time proves no cause."
    )


def _filled(total: dict[int, int]) -> list[tuple[int, int]]:
    return [(year, total.get(year, 0)) for year in range(min(total), max(total) + 1)]


def _people(database: Connection, roles: str, top: int) -> list[tuple[Any, ...]]:
    """Return the people of some roles with most films: name, roles, films, and languages with their films."""
    return _rows(
        database,
        f"""
        WITH made AS (
            SELECT DISTINCT person_id, film_id, language_code FROM star_film_person JOIN star_film USING (film_id)
            WHERE role IN ({roles})
        ), spoken AS (
            SELECT person_id, coalesce(name, language_code, 'unknown') AS language, count(*) AS films
            FROM made LEFT JOIN star_language USING (language_code) GROUP BY ALL
        ), of_person AS (
            SELECT person_id, sum(films)::INTEGER AS films,
                string_agg(language || ' ' || films, ', ' ORDER BY films DESC, language) AS languages
            FROM spoken GROUP BY person_id
        ), who AS (
            SELECT person_id, string_agg(DISTINCT role, ', ' ORDER BY role) AS roles FROM star_film_person
            WHERE role IN ({roles}) GROUP BY person_id
        )
        SELECT name, roles, films, languages
        FROM of_person JOIN star_person USING (person_id) JOIN who USING (person_id)
        ORDER BY films DESC, name, person_id LIMIT {top}""",
    )


def _performers(database: Connection, criteria: Criteria) -> Answer:
    question = "Which actresses and actors appear most, and in which languages?"
    found = _people(database, "'actress', 'actor', 'self'", criteria.top)
    return Answer(
        question,
        _most(found),
        ("Name", "Actress or actor", "Films", "Languages"),
        tuple((name, roles, films, languages) for name, roles, films, languages in found),
        tuple((name, (films,)) for name, _, films, _ in found),
        ("Films",),
    )


def _directors(database: Connection, selection: Selection, criteria: Criteria) -> Answer:
    question = "Which directors have most titles, and in which languages?"
    if not selection.has_countries:
        return Answer(question, "Not answered.", missing=NEEDS_TMDB)
    found = _people(database, "'director'", criteria.top)
    return Answer(
        question,
        _most(found),
        ("Name", "Films", "Languages"),
        tuple((name, films, languages) for name, _, films, languages in found),
        tuple((name, (films,)) for name, _, films, _ in found),
        ("Films",),
    )


def _most(found: list[tuple[Any, ...]]) -> str:
    if not found:
        return "Nobody is named in the films that were selected."
    most = found[0][2]
    names = [name for name, _, films, _ in found if films == most]
    if most == 1:
        return "Nobody has more than one of the films."
    shown = names[:5]
    more = f" and {len(names) - len(shown)} more" if len(names) > len(shown) else ""
    return f"{', '.join(shown)}{more}: {most:,} films{' each' if len(names) > 1 else ''}."


def _nationalities(database: Connection, selection: Selection, criteria: Criteria) -> Answer:
    question = f"Of the {criteria.best} best rated titles, which nationalities do the productions have?"
    if not selection.has_countries:
        return Answer(question, "Not answered.", missing=NEEDS_TMDB)
    database.execute(f"""
        CREATE OR REPLACE TEMP TABLE best AS SELECT film_id FROM star_film
        WHERE rating IS NOT NULL AND coalesce(votes, 0) >= {criteria.min_votes}
        ORDER BY rating DESC, votes DESC, film_id LIMIT {criteria.best}""")
    found = _rows(
        database,
        """
        SELECT star_country.name, coalesce(region, 'none by M49') AS region, count(*) AS films FROM best
            JOIN star_film_country USING (film_id) JOIN star_country USING (country_code)
        GROUP BY ALL ORDER BY films DESC, star_country.name""",
    )
    ((best, lowest),) = _rows(database, "SELECT count(*), min(rating) FROM best JOIN star_film USING (film_id)")
    if not best:
        return Answer(question, f"No film has a rating by at least {criteria.min_votes:,} votes.")
    first = ", ".join(f"{name} {films}" for name, _, films in found[:3])
    return Answer(
        question,
        f"{first}. These are {best:,} films with at least {criteria.min_votes:,} votes, rated {lowest} or better,"
        f" of {len(found):,} nationalities; of two with one rating the one with more votes comes first.",
        ("Country", "Region", "Films"),
        tuple((name, region, films) for name, region, films in found),
        tuple((name, (films,)) for name, _, films in found[: criteria.top]),
        ("Films",),
    )
