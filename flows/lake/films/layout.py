"""Where the analysis keeps what it makes: keys under `Trusted/`, `Refined/`, `Reports/`, and TMDB's under `Raw/`.

Folders are Hive's (`day=…/release_year=…`), which Athena, Spark and DuckDB read as columns. Each day is a whole of its
own, so a day that is made anew replaces nothing of another one.
"""

from __future__ import annotations

from datetime import date
from typing import Literal

from flows.lake import keys

TRUSTED_PREFIX = "Trusted/Films"
REFINED_PREFIX = "Refined/Films"
REPORTS_PREFIX = "Reports/Films"
NO_YEAR = 0
"""The release year of a title without one: a partition's name cannot be missing, and Athena projects numbers."""

TrustedTable = Literal["titles", "performers"]
RefinedTable = Literal["film", "person", "country", "language", "region", "film_person", "film_country"]
TRUSTED_TABLES: tuple[TrustedTable, ...] = ("titles", "performers")
REFINED_TABLES: tuple[RefinedTable, ...] = (
    "film",
    "person",
    "country",
    "language",
    "region",
    "film_person",
    "film_country",
)


def trusted_prefix(table: TrustedTable, day: date) -> str:
    """Return the folder of one day's table, of which a folder for each release year follows."""
    return f"{TRUSTED_PREFIX}/{table}/day={day}"


def refined_key(table: RefinedTable, day: date) -> str:
    """Return the key of one table of the star."""
    return f"{REFINED_PREFIX}/{table}/day={day}/part-0000.parquet"


def report_key(day: date) -> str:
    """Return the key of a day's report."""
    return f"{REPORTS_PREFIX}/{keys.day_path(day)}/index.html"


def tmdb_key(day: date, number: int) -> str:
    """Return the key of a part of TMDB's answers."""
    return f"{keys.TMDB_PREFIX}/Movies/{keys.day_path(day)}/part-{number:04}.jsonl.gz"
