"""`make run`: one run of `ingest-raw/daily` on the stack that `make up` started, followed to its end.

`prefect deployment run --watch` tells neither a run's log nor why it failed; this shows the same lines and the same
closing table as `make ingest`, and exits 1 if the run did.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import time
from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID

from deployments import stack

POLL_S = 1.0


def main() -> int:
    """Start a run, print its log as it grows, and say how it ended; returns the exit code."""
    parser = argparse.ArgumentParser(prog="make run", description="Start ingest-raw/daily and follow it.")
    parser.add_argument("source", type=Path, nargs="?", help="the folder; else the deployment's own")
    parser.add_argument("--partition-date", type=date.fromisoformat)
    options = parser.parse_args()
    stack.isolate_prefect()
    try:
        with stack.only_one() as running:
            if not running:
                raise stack.StackError("The stack is not up: start it with `make up` in another terminal.")
            os.environ["PREFECT_API_URL"] = running
            parameters: dict[str, Any] = {}
            if options.source:
                parameters["source"] = str(options.source.absolute())
            if options.partition_date:
                parameters["partition_date"] = options.partition_date.isoformat()
            return _follow(parameters)
    except stack.StackError as error:
        print(error, file=sys.stderr)
        return 2


def _follow(parameters: dict[str, Any]) -> int:
    from prefect.client.orchestration import get_client
    from prefect.deployments import run_deployment

    flow_run: Any = run_deployment("ingest-raw/daily", parameters=parameters, timeout=0)
    print(f"Run {flow_run.id}: {os.environ['PREFECT_API_URL'].removesuffix('/api')}/runs/flow-run/{flow_run.id}")
    shown = 0
    state: Any
    with get_client(sync_client=True) as client:
        while True:
            state = client.read_flow_run(flow_run.id).state
            # The log is read after the state, so that nothing logged before the end is missed.
            shown += _print_new_lines(client, flow_run.id, shown)
            if state.is_final():
                break
            time.sleep(POLL_S)
        time.sleep(2 * POLL_S)  # log lines travel in batches and may arrive after the state
        _print_new_lines(client, flow_run.id, shown)
    print(f"\n{state.name}: {state.message}")
    return 0 if state.is_completed() else 1


def _print_new_lines(client: Any, flow_run_id: UUID, shown: int) -> int:
    from prefect.client.schemas.filters import LogFilter, LogFilterFlowRunId
    from prefect.client.schemas.sorting import LogSort

    chosen = LogFilter(flow_run_id=LogFilterFlowRunId(any_=[flow_run_id]))
    lines = client.read_logs(chosen, limit=200, offset=shown, sort=LogSort.TIMESTAMP_ASC)
    for line in lines:
        of_task = f"{_task_name(client, line.task_run_id)}: " if line.task_run_id else ""
        print(f"{line.timestamp.astimezone():%H:%M:%S}  {of_task}{line.message}", flush=True)
    return len(lines)


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
