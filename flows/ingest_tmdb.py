"""The flow `ingest-tmdb`: what TMDB knows of the selected films, unchanged, to the raw layer.

It reads as the list of its stages. What a stage does is in `flows.lake.films`, how it shows in Prefect in
`flows.analysis`. No class is defined here: Prefect may load this file under two names.
"""

from __future__ import annotations

import functools
from datetime import date
from typing import Annotated, Any

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.runtime import flow_run
from pydantic import Field

from flows.analysis import film_tasks, tmdb_tasks
from flows.analysis.run import closed_run
from flows.analysis.workspace import Found, workspace
from flows.connection import connect, find_lake
from flows.lake.errors import TmdbUnreachable
from flows.ui.days import as_date, logical_date
from flows.ui.parameters import BlockName, BucketName


def run_name() -> str:
    """Name a run after its day: `2026-11-28 ingest-tmdb`."""
    return f"{_day(flow_run.parameters.get('partition_date'))} ingest-tmdb"


@flow(name="ingest-tmdb", flow_run_name=run_name)
def ingest_tmdb(
    bucket: BucketName = "compass-desafio-final-dramance",
    credentials: BlockName = "local-lake",
    tmdb: BlockName = "tmdb",
    dataset: Annotated[str, Field(min_length=1, max_length=255)] = "Movies",
    partition_date: date | None = None,
    genres: list[str] | None = None,
    first_year: Annotated[int, Field(ge=1870, le=2100)] = 2013,
    last_year: Annotated[int, Field(ge=1870, le=2100)] | None = None,
    english_titles: bool = True,
    requests_per_second: Annotated[int, Field(ge=1, le=40)] = 10,
    max_age_days: Annotated[int, Field(ge=0, le=3650)] = 30,
    max_titles: Annotated[int, Field(ge=1)] | None = None,
) -> State[Any]:
    """Ask TMDB for the countries, directors and languages of the selected films, and land its answers unchanged.

    Args:
        bucket: S3 bucket of the lake. {account} and {region} in it are filled in.
        credentials: Name of the Lake Credentials block.
        tmdb: Name of the TMDB Credentials block.
        dataset: Dataset that holds the films.
        partition_date: Day of the partition; the last landing of the films up to it is read. Empty: the day of the
            run's scheduled start.
        genres: Films with at least one of them are asked for. Empty: Drama and Romance.
        first_year: First release year.
        last_year: Last release year. Empty: the year of the partition.
        english_titles: Also ask for titles that are in English: films in other languages often have one.
        requests_per_second: At most so many requests a second, of all runs together.
        max_age_days: A title is not asked for again before its answer is so many days old.
        max_titles: At most so many titles, those with most votes first. Empty: all.
    """
    from flows.lake.films.installed import check_installed
    from flows.lake.films.selection import Criteria

    day, found, asking = _day(partition_date), Found(), tmdb_tasks.Asking()
    with closed_run("ingest-tmdb", day, functools.partial(tmdb_tasks.write_manifest, asking)) as run:
        check_installed()
        criteria = Criteria(
            genres=tuple(genres or ("Drama", "Romance")), first_year=first_year, last_year=last_year or day.year
        )
        lake = run.found_lake(find_lake(bucket, credentials))
        tmdb_tasks.check_token(tmdb)
        with workspace(day, found) as work:
            run.log.info(film_tasks.find_films(work, dataset, lake))
            run.log.info(film_tasks.read_films(work, lake))
            run.log.info(f"Languages of {film_tasks.identify_languages(work):,} titles")
            run.log.info(
                tmdb_tasks.choose_titles(
                    work,
                    asking,
                    criteria,
                    lake,
                    english_titles=english_titles,
                    max_age_days=max_age_days,
                    max_titles=max_titles,
                )
            )
            tmdb_tasks.ask(work, asking, lake, tmdb, requests_per_second)
        run.verdict = tmdb_tasks.verdict(asking)
        tmdb_tasks.publish(asking, str(day), connect(lake).redact)
        if asking.unanswered:
            run.problem = TmdbUnreachable(run.verdict, remedy="Start the run again: it asks for those alone.")
    return run.state


def _day(given: Any) -> date:
    return as_date(given) or logical_date()
