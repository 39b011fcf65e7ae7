"""Which films the analysis is about, step by step, and how many fell out at each step and why: the funnel.

The language of a film is what TMDB says of it; where TMDB does not know it, the language of its original title, if that
is certain enough. A film whose language or country nobody knows falls out, and is counted as that: nothing is guessed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from flows.lake.errors import SettingsError
from flows.lake.films import regions
from flows.lake.films.engine import count, text
from flows.lake.films.tmdb_answers import insert
from flows.lake.words import shown

if TYPE_CHECKING:
    from flows.lake.films.engine import Connection


@dataclass(frozen=True)
class Criteria:
    """What is asked of a film.

    Attributes:
        genres: It has at least one of these.
        first_year: The first release year.
        last_year: The last one.
        regions: At least one of its countries lies in one of these.
        excluded_language: Its language is not this one.
        best: Of how many of the best rated titles the nationalities are told.
        min_votes: A title with fewer votes is not among the best rated.
        top: How many people are listed.
    """

    genres: tuple[str, ...] = ("Drama", "Romance")
    first_year: int = 2013
    last_year: int = 2100
    regions: tuple[str, ...] = regions.REGIONS
    excluded_language: str = "en"
    best: int = 100
    min_votes: int = 100
    top: int = 20

    def __post_init__(self) -> None:
        """Refuse what no film can meet.

        Raises:
            SettingsError: A region is none of the analysis's, a list is empty, or the years are in the wrong order.
        """
        if unknown := [name for name in self.regions if name not in regions.REGIONS]:
            raise SettingsError(
                f"{shown(', '.join(unknown))} is no region of the analysis.",
                remedy=f"Choose from {', '.join(regions.REGIONS)}.",
            )
        if not self.genres or not self.regions:
            raise SettingsError("genres and regions may not be empty.", remedy="Name at least one of each.")
        if self.first_year > self.last_year:
            raise SettingsError(f"first_year {self.first_year} is after the last year, {self.last_year}.")


@dataclass(frozen=True)
class Step:
    """One step of the funnel: what it asks, how many films are left, and why others fell out."""

    name: str
    left: int
    fell_out: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True)
class Agreement:
    """How often the language of the title is that of the film, over those films for which both are known."""

    both: int
    same: int
    same_about_english: int


@dataclass(frozen=True)
class Selection:
    """The films that are left, in the table `selected`, and how they came to be those.

    Attributes:
        steps: The funnel.
        has_countries: Whether TMDB was asked; without it no country and no director is known.
        agreement: Of TMDB's languages with those of titles.
        unsure_titles: Of the films that need the language of their title, how many have none that is certain.
        titles_asked: How many films need the language of their title.
    """

    steps: tuple[Step, ...]
    has_countries: bool
    agreement: Agreement
    unsure_titles: int
    titles_asked: int

    @property
    def films(self) -> int:
        """How many films are left."""
        return self.steps[-1].left


def select(database: Connection, criteria: Criteria) -> Selection:
    """Choose films out of the tables of the trusted layer, TMDB's answers and the languages of titles."""
    has_countries = count(database, "SELECT count(*) FROM tmdb_film") > 0
    _countries(database)
    wanted = ", ".join(text(genre) for genre in criteria.genres)
    in_regions = ", ".join(text(region) for region in criteria.regions)
    english = text(criteria.excluded_language)
    database.execute(f"""
        CREATE TABLE judged AS SELECT titles.*, tmdb_film.outcome, tmdb_film.language AS film_language,
            identified.code AS title_language, identified.confidence AS title_confidence,
            coalesce(film_language, nullif(title_language, 'und')) AS language,
            CASE WHEN film_language IS NOT NULL THEN 'TMDB' WHEN language IS NOT NULL THEN 'title' END AS language_by,
            list_has_any(coalesce(genres, []), [{wanted}]) AS has_genre,
            release_year BETWEEN {criteria.first_year} AND {criteria.last_year} AS has_year,
            title_id IN (SELECT title_id FROM tmdb_country) AS has_country,
            title_id IN (SELECT title_id FROM tmdb_country JOIN country USING (country_code)
                WHERE region IN ({in_regions})) AS has_region,
            title_id IN (SELECT title_id FROM tmdb_country JOIN country USING (country_code)
                WHERE region IS NULL) AS has_unknown_country
        FROM titles LEFT JOIN tmdb_film USING (title_id)
            LEFT JOIN identified ON identified.title = titles.original_title""")
    asked = [
        (
            f"of the genre {' or '.join(criteria.genres)}",
            "has_genre",
            {"no genre is told": "len(coalesce(genres, [])) = 0", "another genre": "true"},
        ),
        (
            f"released from {criteria.first_year} to {criteria.last_year}",
            "has_year",
            {
                "no release year is told": "release_year IS NULL",
                f"before {criteria.first_year}": f"release_year < {criteria.first_year}",
                f"after {criteria.last_year}": "true",
            },
        ),
        (
            "not in English" if criteria.excluded_language == "en" else f"not in {criteria.excluded_language}",
            f"language IS NOT NULL AND language <> {english}",
            {
                "by TMDB": f"film_language = {english}",
                "by its title": f"language = {english}",
                "the language of its title is not certain": "true",
            },
        ),
    ]
    if has_countries:
        asked.append(
            (
                f"produced in {', '.join(criteria.regions)}",
                "has_region",
                {
                    "TMDB was not asked": "outcome IS NULL",
                    "TMDB does not know it": "outcome = 'not found'",
                    "TMDB knows several films by its id": "outcome = 'several'",
                    "TMDB names no country": "NOT has_country",
                    "M49 does not know its country": "has_unknown_country",
                    "another region": "true",
                },
            )
        )
    steps = [Step("titles in the raw file", count(database, "SELECT count(*) FROM judged"))]
    so_far = "true"
    for name, condition, reasons in asked:
        steps.append(_step(database, name, so_far, condition, reasons))
        so_far += f" AND ({condition})"
    database.execute(f"CREATE TABLE selected AS SELECT * FROM judged WHERE {so_far}")
    chosen = "FROM judged WHERE has_genre AND has_year"
    return Selection(
        tuple(steps),
        has_countries,
        _agreement(database, english),
        count(database, f"SELECT count(*) {chosen} AND film_language IS NULL AND title_language = 'und'"),
        count(database, f"SELECT count(*) {chosen} AND film_language IS NULL"),
    )


def empty_text(steps: Sequence[Step]) -> str:
    """Return which step left no film, as a sentence."""
    last = next((index for index, step in enumerate(steps) if not step.left), len(steps) - 1)
    if last == 0:
        return "The raw file has no titles."
    reasons = ", ".join(f"{number:,} {why}" for why, number in steps[last].fell_out)
    return f"No film is left: of {steps[last - 1].left:,} none is {steps[last].name} ({reasons})."


def _step(database: Connection, name: str, so_far: str, condition: str, reasons: dict[str, str]) -> Step:
    """Count what a condition leaves of the films so far, and why the others fell out, by the first reason that fits."""
    cases = " ".join(f"WHEN {test} THEN {number}" for number, test in enumerate(reasons.values()))
    rows = database.execute(f"""
        SELECT CASE WHEN {condition} THEN -1 ELSE CASE {cases} END END AS reason, count(*) FROM judged
        WHERE {so_far} GROUP BY reason""").fetchall()
    counted = {int(number): int(films) for number, films in rows}
    fell_out = tuple((why, counted[number]) for number, why in enumerate(reasons) if counted.get(number))
    return Step(name, counted.get(-1, 0), fell_out)


def _countries(database: Connection) -> None:
    """Make the table of the countries that TMDB names, with their regions."""
    codes = [row[0] for row in database.execute("SELECT DISTINCT country_code FROM tmdb_country").fetchall()]
    columns = ("country_code", "name", "m49_region", "region")
    database.execute("CREATE TABLE country (country_code VARCHAR, name VARCHAR, m49_region VARCHAR, region VARCHAR)")
    rows = [(one.code, one.name, one.m49, one.region) for one in regions.countries(codes)]
    insert(database, "country", columns, rows)


def _agreement(database: Connection, english: str) -> Agreement:
    row = database.execute(f"""
        SELECT count(*), count(*) FILTER (title_language = film_language),
            count(*) FILTER ((title_language = {english}) = (film_language = {english}))
        FROM judged WHERE film_language IS NOT NULL AND title_language <> 'und'""").fetchone()
    return Agreement(*row) if row else Agreement(0, 0, 0)
