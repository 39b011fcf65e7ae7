"""A run of the analysis's flows, and how it ends: manifest, log, state, in this order.

The same promises as those of ingest-raw (`flows.ingest.closing`), for flows that have no files of a folder: whatever
ends the stages, the log is closed with a last line that says so, and is shipped.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterator
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from prefect.client.schemas.objects import State
from prefect.logging import get_run_logger
from prefect.runtime import flow_run
from prefect.states import Completed, Failed

from flows.connection import connect
from flows.ingest import tasks
from flows.lake import keys
from flows.lake.errors import LakeError, RunStopped
from flows.lake.redact import mask_known
from flows.lake.reports import run_log
from flows.lake.reports.run_log import RunLog
from flows.lake.run_models import LakeAddress
from flows.ui.days import DEFAULT_TIMEZONE

WriteManifest = Callable[["FilmsRun"], str | None]


class FilmsRun:
    """What a run has found and done so far.

    Args:
        name: The flow's name, which its log carries.
        day: The day that the run is for.
        write_manifest: Stores the run's manifest and returns its key; called however the run ends.

    Attributes:
        lake: Where the lake is, once that is known.
        verdict: What the run says at its end, if nothing goes wrong.
        problem: What makes a run fail that came to its end.
        state: How the flow ends, once the run is closed.
    """

    def __init__(self, name: str, day: date, write_manifest: WriteManifest) -> None:
        self.name = name
        self.day = day
        self.started = datetime.now(ZoneInfo(DEFAULT_TIMEZONE))
        self.log = RunLog(ZoneInfo(DEFAULT_TIMEZONE), get_run_logger().log)
        self.lake: LakeAddress | None = None
        self.verdict = ""
        self.problem: LakeError | None = None
        self.state: State[Any] = Failed(message="The run ended before it began.")
        self.write_manifest = write_manifest
        self.log.info(f"Run {flow_run.name} ({flow_run.id}, attempt {flow_run.run_count}) started for {day}")

    def found_lake(self, lake: LakeAddress) -> LakeAddress:
        """Note where the lake is."""
        self.lake = lake
        self.log.info(f"Lake s3://{lake.bucket}")
        return lake

    def warn(self, text: str) -> None:
        """Note what a person should look at."""
        self.log.add(logging.WARNING, text)


@contextlib.contextmanager
def closed_run(name: str, day: date, write_manifest: WriteManifest) -> Iterator[FilmsRun]:
    """Have a run closed, however the block ends."""
    run = FilmsRun(name, day, write_manifest)
    try:
        yield run
    except LakeError as error:
        _close(run, "Failed", mask_known(str(error)), error)
    except BaseException as error:
        state = "Failed" if isinstance(error, Exception) else "Cancelled"
        _close(run, state, mask_known(f"{type(error).__name__}: {error}"), None, as_task=False)
        raise
    else:
        text = mask_known(str(run.problem)) if run.problem else run.verdict
        _close(run, "Failed" if run.problem else "Completed", text, run.problem)


def _close(run: FilmsRun, state: str, text: str, error: LakeError | None, *, as_task: bool = True) -> None:
    if trouble := _leave_manifest(run):
        state, text = "Failed" if state == "Completed" else state, f"{text} {trouble}"
    if trouble := _ship_log(run, state, text, as_task=as_task):
        state, text = "Failed" if state == "Completed" else state, f"{text} {trouble}"
    if state == "Completed":
        run.state = Completed(message=text)
    else:
        run.state = Failed(message=text, data=error or RunStopped(text))


def _leave_manifest(run: FilmsRun) -> str:
    if run.lake is None:
        return ""
    try:
        key = run.write_manifest(run)
    except Exception as error:
        trouble = f"The manifest could not be written ({error})."
        run.log.error(trouble)
        return trouble
    if key:
        run.log.info(f"Manifest written to s3://{run.lake.bucket}/{key}")
    return ""


def _ship_log(run: FilmsRun, state: str, text: str, *, as_task: bool) -> str:
    run.log.end(state, text)
    log_keys = keys.log_keys(run.day, flow_run.id or "", flow_run.run_count, run.name)
    try:
        if run.lake is None:
            raise LakeError("There is no connection to the lake.")
        key = (tasks.ship_log if as_task else tasks.ship_log.without_task)(run.log.text, log_keys, run.lake)
    except Exception as error:
        redacted = connect(run.lake).redact(run.log.text) if run.lake else run.log.text
        trouble = f"The log could not be shipped ({error}); "
        trouble += f"{run_log.keep_local_copy(redacted, log_keys[1].rsplit('/', 1)[-1])}."
        get_run_logger().error(trouble)
        return trouble
    get_run_logger().info("Log shipped to s3://%s/%s", run.lake.bucket, key)
    return ""
