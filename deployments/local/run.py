"""`make run`: one run of `ingest-raw/daily` on the stack that `make up` started, or on PREFECT_API_URL, to its end.

`prefect deployment run --watch` tells neither a run's log nor why it failed; this shows the same lines and the same
live table and closing table as `make ingest`, and exits 1 if the run did.
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

from deployments import live
from deployments.local import folders, services, showing, ways_in
from deployments.local.steps import Steps
from flows.lake import places

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
    parser.add_argument("source", nargs="?", help="the folder or address; else the deployment's own")
    parser.add_argument("--partition-date", type=date.fromisoformat)
    options = parser.parse_args()
    parameters: dict[str, Any] = {}
    if options.source:
        parameters["source"] = absolute(options.source)
    if options.partition_date:
        parameters["partition_date"] = options.partition_date.isoformat()
    try:
        with server():
            return follow(DEPLOYMENT, parameters, files=True)
    except folders.StackError as error:
        print(error, file=sys.stderr)
        return 2


@contextlib.contextmanager
def server() -> Iterator[None]:
    """Point this process at the server of PREFECT_API_URL, else at the stack of `make up`.

    Raises:
        StackError: There is neither.
    """
    if api_url := os.environ.get("PREFECT_API_URL"):
        if not ways_in.is_cloud(api_url):
            os.environ.setdefault("PREFECT_UI_URL", ways_in.ui_of(api_url))
        yield
        return
    services.isolate_prefect()
    with services.only_one() as running:
        if not running:
            raise folders.StackError(
                "The stack is not up: start it with `make up` in another terminal, or set PREFECT_API_URL."
            )
        services.use_server(running)
        yield


def absolute(source: str) -> str:
    """Return a source as a worker that was started elsewhere finds it."""
    return source if places.is_web(Path(source)) else str(places.absolute(Path(source)))


def follow(
    deployment: str, parameters: dict[str, Any], *, cancel_on_interrupt: bool = False, files: bool = False
) -> int:
    """Start a run of a deployment and print its log to its end; returns the exit code.

    Args:
        deployment: The deployment.
        parameters: What is not as the deployment has it.
        cancel_on_interrupt: Have Ctrl-C cancel the run, and not only this look at it.
        files: Show its files in a live table where there is a terminal.
    """
    from prefect.deployments import run_deployment
    from prefect.utilities.urls import url_for

    flow_run: Any = run_deployment(deployment, parameters=parameters, timeout=0)
    print(f"Run {flow_run.id}: {url_for(flow_run)}", flush=True)
    try:
        return _print_to_its_end(flow_run, files=files and live.wanted(sys.stdout))
    except KeyboardInterrupt:
        if not cancel_on_interrupt:
            raise
        print("\nCancelling the run; the same command goes on where it ends.", flush=True)
        _cancel(flow_run)
        return _print_to_its_end(flow_run) or 130


def _cancel(flow_run: Any) -> None:
    from prefect.client.orchestration import get_client
    from prefect.states import Cancelling

    with get_client(sync_client=True) as client:
        client.set_flow_run_state(flow_run.id, Cancelling())


def _print_to_its_end(flow_run: Any, *, files: bool = False) -> int:
    from prefect.client.orchestration import get_client

    with get_client(sync_client=True) as client, contextlib.ExitStack() as shown:
        table = shown.enter_context(live.LiveTable(sys.stdout)) if files else None
        lines = showing.Lines(table) if table else None
        log = _Log(client, flow_run, lines, Steps(client, flow_run.id, table) if table else None)
        state = _wait(client, flow_run, log)
    if lines and lines.closing:
        print(live.shortened(lines.closing))
    print(f"\n{state.name}: {state.message}")
    return 0 if state.is_completed() else 1


def _wait(client: Any, flow_run: Any, log: _Log) -> Any:
    """Wait for a run's end, and for the last lines of its log; returns its state."""
    patience, waiting_as = LAST_LINES_S, ""
    while True:
        state: Any = client.read_flow_run(flow_run.id).state
        if not log.shown and state.name != waiting_as:
            waiting_as = state.name  # Late: no worker has taken it; AwaitingConcurrencySlot: another run is at work
            print(f"{waiting_as} …", flush=True)
        log.print_new_lines()
        if state.is_final():
            if log.ended or patience <= 0:
                return state
            patience -= POLL_S  # log lines travel in batches, the last ones behind the state
        time.sleep(POLL_S)


class _Log:
    """A run's log, printed as it grows, or told to a live table."""

    def __init__(
        self, client: Any, flow_run: Any, lines: showing.Lines | None = None, steps: Steps | None = None
    ) -> None:
        self._client, self._lines, self._steps = client, lines, steps
        self._flow_run_id: UUID = flow_run.id
        self._since: datetime = flow_run.created
        self._task_names: dict[UUID, str] = {}
        self.shown: set[UUID] = set()
        self.ended = False

    def print_new_lines(self) -> None:
        """Print what was not printed yet."""
        if self._steps:
            self._steps.look()
        for line in self._lines_since(self._since):
            if line.id in self.shown:
                continue
            if self._lines and self._steps:
                self._lines.take(line.level, line.message)
                self._steps.take(line.message)
            else:
                of_task = f"{self._task_name(line.task_run_id)}: " if line.task_run_id else ""
                print(f"{line.timestamp.astimezone():%H:%M:%S}  {of_task}{line.message}", flush=True)
            self.shown.add(line.id)
            self._since = max(self._since, line.timestamp - OVERLAP)
            self.ended = self.ended or (line.message.startswith(LAST_LINE) and not line.task_run_id)

    def _lines_since(self, moment: datetime) -> Iterator[Any]:
        from prefect.client.schemas.filters import LogFilter, LogFilterFlowRunId, LogFilterTimestamp
        from prefect.client.schemas.sorting import LogSort

        of_run, since = LogFilterFlowRunId(any_=[self._flow_run_id]), LogFilterTimestamp(after_=moment)
        chosen, offset, size = LogFilter(flow_run_id=of_run, timestamp=since), 0, 200
        while page := self._client.read_logs(chosen, limit=size, offset=offset, sort=LogSort.TIMESTAMP_ASC):
            yield from page
            offset += size

    def _task_name(self, task_run_id: UUID) -> str:
        from prefect.exceptions import ObjectNotFound

        if task_run_id not in self._task_names:
            # Task runs reach the server by way of events, sometimes after their first log lines.
            with contextlib.suppress(ObjectNotFound):
                self._task_names[task_run_id] = self._client.read_task_run(task_run_id).name
        return self._task_names.get(task_run_id, "task")


if __name__ == "__main__":
    sys.exit(main())
