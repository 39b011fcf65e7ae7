"""The flow `backfill-raw`: `ingest-raw` for each day of a range, in the order of the days, each a run of its own.

The days are subflows of one run, so that they take one place of one worker: a run a day in a queue would lose its place
in line, keep the worker from other deployments, and cost a process each. In order, since what a day is compared with is
what landed before it.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

from prefect import flow
from prefect.artifacts import create_progress_artifact, update_progress_artifact
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import FlowRun, State
from prefect.exceptions import ObjectNotFound
from prefect.logging import get_run_logger
from prefect.runtime import flow_run
from prefect.states import Completed, Failed
from prefect.utilities.urls import url_for
from pydantic import Field

from flows.ingest_raw import ingest_raw
from flows.lake.errors import LakeError, RunFailed, SettingsError
from flows.lake.places import is_s3, is_web
from flows.lake.reports.backfill_text import DayDone, day_line, markdown, verdict
from flows.ui.artifacts import publish_markdown, quietly
from flows.ui.days import as_date
from flows.ui.parameters import WITHOUT_SECRETS

MOST_DAYS = 3660
SAME_TROUBLE = 3
"""Days in a row that fail for one reason, such as keys that have expired, after which the others are left."""


def run_name() -> str:
    """Name a run after its days: `2024-02-27 to 2024-03-02`."""
    given = flow_run.parameters
    return f"{given.get('first_day')} to {given.get('last_day')}"


@flow(name="backfill-raw", flow_run_name=run_name)
def backfill_raw(
    first_day: date,
    last_day: date,
    source: Annotated[str, Field(max_length=4096, json_schema_extra={"pattern": WITHOUT_SECRETS})] = "",
    like: Annotated[str, Field(max_length=512)] = "ingest-raw/daily",
    parameters: dict[str, Any] = {},  # noqa: B006 - never changed; the V2 run form shows no editor for one that may be null
    resume: bool = True,
) -> State[Any]:
    """Run ingest-raw for each day of a range, one after the other, each with that day as its partition date.

    Args:
        first_day: First day, for example 2024-02-27.
        last_day: Last day.
        source: Folder, or address in S3, in which %Y, %m and %d stand for the day, such as /data/in/%Y-%m-%d. A day
            without a folder is passed over. Empty: the source of the deployment below.
        like: Deployment of ingest-raw whose parameters the runs get. Empty: the flow's own defaults.
        parameters: Further parameters of ingest-raw, such as {"bucket": "my-lake"}.
        resume: Go on where a backfill with the same parameters was interrupted, instead of beginning anew.
    """
    first, last = as_date(first_day) or date.min, as_date(last_day) or date.min
    try:
        days = _days(first, last)
        given = _parameters_of(like) | parameters
    except LakeError as error:
        return Failed(message=str(error), data=error)
    ended_before = _completed_days() if resume else set()
    if ended_before:
        get_run_logger().info("%d days were completed before; going on after them", len(ended_before))
    done = list(_each(days, source, given, ended_before))
    text = verdict(done, len(days))
    publish_markdown("backfill-raw", markdown(done), f"Days from {first} to {last}.", str)
    return Completed(message=text) if all(day.is_good for day in done) else Failed(message=text, data=LakeError(text))


def _days(first: date, last: date) -> list[date]:
    """Return every day of a range, both ends included.

    Raises:
        SettingsError: The range is the wrong way round, or longer than ten years.
    """
    remedy = "Correct the run's parameters."
    if last < first:
        raise SettingsError(f"The range ends ({last}) before it begins ({first}).", remedy=remedy)
    if (last - first).days >= MOST_DAYS:
        raise SettingsError(f"The range has more than {MOST_DAYS:,} days.", remedy=remedy)
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]


def _parameters_of(deployment: str) -> dict[str, Any]:
    if not deployment:
        return {}
    with get_client(sync_client=True) as client:
        try:
            return dict(client.read_deployment_by_name(deployment).parameters)
        except (ObjectNotFound, ValueError) as error:
            raise SettingsError(
                f"There is no deployment {deployment!r}.", remedy="Correct the parameter like, or leave it empty."
            ) from error


def _each(days: list[date], source: str, given: dict[str, Any], ended_before: set[date]) -> Iterator[DayDone]:
    """Run the days that have not ended yet; a day that fails does not keep the next one from running."""
    progress = _Progress(len(days))
    troubles: list[str] = []
    for number, day in enumerate(days, start=1):
        done = DayDone(day, "done before") if day in ended_before else _one_day(day, source, given)
        level = logging.INFO if done.is_good else logging.ERROR
        address = url_for("flow-run", obj_id=done.run_id) if done.run_id else None
        get_run_logger().log(level, "%d of %d: %s%s", number, len(days), day_line(done), f" {address}" * bool(address))
        progress(number)
        yield done
        troubles = [*troubles, done.trouble][-SAME_TROUBLE:]
        if len(troubles) == SAME_TROUBLE and done.trouble and len(set(troubles)) == 1:
            get_run_logger().error("%d days in a row failed for one reason: the others are left.", SAME_TROUBLE)
            return


def _one_day(day: date, source: str, given: dict[str, Any]) -> DayDone:
    parameters = given | {"partition_date": day}
    if source:
        web = is_web(Path(source))  # whose %20 is no directive; the run fills in the day
        parameters["source"] = Path(source if web else day.strftime(source))
        if not (web or is_s3(parameters["source"])) and not parameters["source"].exists():
            return DayDone(day, "no folder", f"there is no {parameters['source']}")
    started = time.monotonic()
    state: State[Any] = ingest_raw(**parameters, return_state=True)
    run_id = state.state_details.flow_run_id
    name = "Completed" if state.is_completed() else state.type.value.title()
    ended = state.result(raise_on_failure=False)
    # The sentence that says what happened, without the remedy and what follows from it.
    trouble = str(ended).partition(". ")[0] if isinstance(ended, Exception) and not isinstance(ended, RunFailed) else ""
    seconds = time.monotonic() - started
    return DayDone(day, name, state.message or "", seconds, str(run_id) if run_id else None, trouble)


class _Progress:
    """The progress of the days, as an artifact of the run."""

    def __init__(self, days: int) -> None:
        self._days = days
        self._artifact: UUID | None = None
        quietly(self._start)

    def _start(self) -> None:
        artifact = create_progress_artifact(0.0, key="progress-backfill-raw", description="Days that are done")
        self._artifact = artifact if isinstance(artifact, UUID) else None

    def __call__(self, number: int) -> None:
        if artifact := self._artifact:
            quietly(lambda: update_progress_artifact(artifact, progress=100.0 * number / self._days))


def _completed_days() -> set[date]:
    """Return the days that runs with this run's parameters completed since the last one that came through."""
    days: set[date] = set()
    with get_client(sync_client=True) as client:
        for run in _runs_before(client):
            if run.state and run.state.is_completed():
                break
            if run.state and run.state.is_final():
                days |= _days_of(client, run)
    return days


def _runs_before(client: SyncPrefectClient) -> Iterable[FlowRun]:
    from prefect.client.schemas.filters import FlowFilter, FlowFilterName
    from prefect.client.schemas.sorting import FlowRunSort

    of_flow = FlowFilter(name=FlowFilterName(any_=["backfill-raw"]))
    recent = client.read_flow_runs(flow_filter=of_flow, sort=FlowRunSort.START_TIME_DESC, limit=50)
    ours = {name: str(value) for name, value in flow_run.parameters.items()}
    for run in recent:
        if str(run.id) != flow_run.id and {name: str(value) for name, value in run.parameters.items()} == ours:
            yield run


def _days_of(client: SyncPrefectClient, run: FlowRun) -> set[date]:
    from prefect.client.schemas.filters import (
        FlowRunFilter,
        FlowRunFilterParentFlowRunId,
        FlowRunFilterState,
        FlowRunFilterStateType,
    )
    from prefect.client.schemas.objects import StateType

    completed = FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.COMPLETED]))
    of_parent = FlowRunFilterParentFlowRunId(any_=[run.id])
    days: set[date] = set()
    while True:
        chosen = FlowRunFilter(parent_flow_run_id=of_parent, state=completed)
        page = client.read_flow_runs(flow_run_filter=chosen, limit=200, offset=len(days))
        days |= {date.fromisoformat(str(flow_run.parameters["partition_date"])[:10]) for flow_run in page}
        if len(page) < 200:
            return days
