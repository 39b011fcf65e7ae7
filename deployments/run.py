"""`make run`: one run of `ingest-raw/daily` on the stack that `make up` started, or on PREFECT_API_URL, to its end.

`prefect deployment run --watch` tells neither a run's log nor why it failed; this shows the same lines and the same
closing table as `make ingest`, and exits 1 if the run did.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import time
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from deployments import stack

DEPLOYMENT = "ingest-raw/daily"
POLL_S = 0.5
LAST_LINES_S = 5.0
LAST_LINE = "Finished in state"
"""What Prefect logs of a run when nothing else follows."""
OVERLAP = timedelta(seconds=10)
"""Worker and run write to one log: a line may arrive after one that was written later."""


def main() -> int:
    """Start a run, print its log as it grows, and say how it ended; returns the exit code."""
    parser = argparse.ArgumentParser(prog="make run", description="Start ingest-raw/daily and follow it.")
    parser.add_argument("source", nargs="?", help="the folder; else the deployment's own")
    parser.add_argument("--partition-date", type=date.fromisoformat)
    options = parser.parse_args()
    parameters: dict[str, Any] = {}
    if options.source:
        parameters["source"] = absolute(options.source)
    if options.partition_date:
        parameters["partition_date"] = options.partition_date.isoformat()
    try:
        with server() as api_url:
            return _follow(parameters, api_url)
    except stack.StackError as error:
        print(error, file=sys.stderr)
        return 2


@contextlib.contextmanager
def server() -> Iterator[str]:
    """Point this process at the server of PREFECT_API_URL, else at the stack of `make up`; yields its API's address.

    Raises:
        StackError: There is neither.
    """
    if api_url := os.environ.get("PREFECT_API_URL"):
        yield api_url
        return
    stack.isolate_prefect()
    with stack.only_one() as running:
        if not running:
            raise stack.StackError(
                "The stack is not up: start it with `make up` in another terminal, or set PREFECT_API_URL."
            )
        os.environ["PREFECT_API_URL"] = running
        yield running


def absolute(source: str) -> str:
    """Return a folder as a worker that was started elsewhere finds it."""
    return str(Path(source).absolute())


def _follow(parameters: dict[str, Any], api_url: str) -> int:
    from prefect.client.orchestration import get_client
    from prefect.deployments import run_deployment

    flow_run: Any = run_deployment(DEPLOYMENT, parameters=parameters, timeout=0)
    print(f"Run {flow_run.id}: {api_url.removesuffix('/api')}/runs/flow-run/{flow_run.id}")
    shown: set[UUID] = set()
    patience = LAST_LINES_S
    with get_client(sync_client=True) as client:
        since = flow_run.created
        while True:
            state: Any = client.read_flow_run(flow_run.id).state
            lines = [line for line in _lines(client, flow_run.id, since) if line.id not in shown]
            for line in lines:
                of_task = f"{_task_name(client, line.task_run_id)}: " if line.task_run_id else ""
                print(f"{line.timestamp.astimezone():%H:%M:%S}  {of_task}{line.message}", flush=True)
                shown.add(line.id)
                since = max(since, line.timestamp - OVERLAP)
            if state.is_final():
                # Log lines travel in batches, the last ones behind the state.
                if patience <= 0 or any(line.message.startswith(LAST_LINE) for line in lines):
                    break
                patience -= POLL_S
            time.sleep(POLL_S)
    print(f"\n{state.name}: {state.message}")
    return 0 if state.is_completed() else 1


def _lines(client: Any, flow_run_id: UUID, since: datetime) -> Iterator[Any]:
    """Yield a run's log lines from a moment on, oldest first, page by page."""
    from prefect.client.schemas.filters import LogFilter, LogFilterFlowRunId, LogFilterTimestamp
    from prefect.client.schemas.sorting import LogSort

    chosen = LogFilter(flow_run_id=LogFilterFlowRunId(any_=[flow_run_id]), timestamp=LogFilterTimestamp(after_=since))
    offset = 0
    while True:
        page = client.read_logs(chosen, limit=200, offset=offset, sort=LogSort.TIMESTAMP_ASC)
        yield from page
        offset += len(page)
        if len(page) < 200:
            return


_task_names: dict[UUID, str] = {}


def _task_name(client: Any, task_run_id: UUID) -> str:
    from prefect.exceptions import ObjectNotFound

    if task_run_id not in _task_names:
        # Task runs reach the server by way of events, sometimes after their first log lines.
        with contextlib.suppress(ObjectNotFound):
            _task_names[task_run_id] = client.read_task_run(task_run_id).name
    return _task_names.get(task_run_id, "task")


if __name__ == "__main__":
    sys.exit(main())
