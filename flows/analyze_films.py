"""The flow `analyze-films`: from the raw layer to four answered questions about films.

It reads as the list of its stages. What a stage does is in `flows.lake.films`, how it shows in Prefect in
`flows.analysis.film_tasks`, and how the run ends in `flows.analysis.run`. No class is defined here: Prefect may load
this file under two names.
"""

from __future__ import annotations

import functools
from datetime import date
from typing import Annotated, Any

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.runtime import flow_run
from prefect.task_runners import ThreadPoolTaskRunner
from pydantic import Field

from flows.analysis import film_tasks
from flows.analysis.run import closed_run
from flows.analysis.workspace import Found, workspace, write_manifest
from flows.connection import find_lake
from flows.lake.errors import SelectionEmpty
from flows.ui.days import as_date, logical_date
from flows.ui.parameters import BlockName, BucketName


def run_name() -> str:
    """Name a run after its day: `2026-11-28 analyze-films`."""
    return f"{_day(flow_run.parameters.get('partition_date'))} analyze-films"


@flow(
    name="analyze-films",
    flow_run_name=run_name,
    task_runner=ThreadPoolTaskRunner(max_workers=2),  # type: ignore[arg-type]  # Prefect's own futures differ
)
def analyze_films(
    bucket: BucketName = "compass-desafio-final-dramance",
    credentials: BlockName = "local-lake",
    dataset: Annotated[str, Field(min_length=1, max_length=255)] = "Movies",
    partition_date: date | None = None,
    genres: list[str] | None = None,
    first_year: Annotated[int, Field(ge=1870, le=2100)] = 2013,
    last_year: Annotated[int, Field(ge=1870, le=2100)] | None = None,
    regions: list[str] | None = None,
    best: Annotated[int, Field(ge=1, le=10_000)] = 100,
    min_votes: Annotated[int, Field(ge=0)] = 100,
    top: Annotated[int, Field(ge=1, le=1000)] = 20,
) -> State[Any]:
    """Answer four questions about the films in the raw layer, and store the tables and the report on the way.

    Args:
        bucket: S3 bucket of the lake. {account} and {region} in it are filled in.
        credentials: Name of the Lake Credentials block.
        dataset: Dataset that holds the films.
        partition_date: Day of the report; the last landing up to it is read. Empty: the day of the run's scheduled
            start.
        genres: A film has at least one of them. Empty: Drama and Romance.
        first_year: First release year.
        last_year: Last release year. Empty: the year of the report's day.
        regions: A film is produced in at least one of them. Empty: Caribbean and Latin America, Africa, Asia,
            Polynesia and Eastern Europe.
        best: Of how many of the best rated titles the nationalities are told.
        min_votes: A title with fewer votes is not among the best rated.
        top: How many people are listed.
    """
    from flows.lake.films import regions as world
    from flows.lake.films.installed import check_installed
    from flows.lake.films.selection import Criteria, empty_text

    day, found = _day(partition_date), Found()
    with closed_run("analyze-films", day, functools.partial(write_manifest, found)) as run:
        check_installed()
        found.criteria = Criteria(
            genres=tuple(genres or ("Drama", "Romance")),
            first_year=first_year,
            last_year=last_year or day.year,
            regions=tuple(regions or world.REGIONS),
            best=best,
            min_votes=min_votes,
            top=top,
        )
        lake = run.found_lake(find_lake(bucket, credentials))
        with workspace(day, found) as work:
            run.log.info(film_tasks.find_films(work, dataset, lake))
            run.log.info(film_tasks.read_films(work, lake))
            trusted = film_tasks.write_trusted.submit(work, lake)  # beside the next two, on threads of its own
            try:
                run.log.info(f"Languages of {film_tasks.identify_languages(work):,} titles")
                run.log.info(film_tasks.write_refined(work, lake))
            finally:
                trusted.wait()  # it works on the database, which is closed at the end of the block
            run.log.info(f"{trusted.result():,} objects of the trusted layer")
            key = film_tasks.write_report(work, lake)
        run.verdict = f"{found.selection.films if found.selection else 0:,} films; report at s3://{lake.bucket}/{key}"
        run.log.info(run.verdict)
        if found.selection and not found.selection.films:
            run.problem = SelectionEmpty(empty_text(found.selection.steps), remedy="Look at the funnel in the report.")
    return run.state


def _day(given: Any) -> date:
    return as_date(given) or logical_date()
