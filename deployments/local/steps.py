"""Where the files of a run elsewhere are, as the server knows it: from its tasks, progress artifacts and log lines."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from uuid import UUID

from flows.lake.words import md

if TYPE_CHECKING:
    from deployments.live import LiveTable

_TASK = re.compile(r"(profile|upload|batch) (.+)", re.DOTALL)
_ENDED = re.compile(r"(.+?) (uploaded|unchanged|rejected|failed|would upload|would supersede): ", re.DOTALL)
_BAD = ("rejected", "failed")
PAGE = 200


class Steps:
    """Tells a table where the files of a run are.

    Args:
        client: A client of the server.
        flow_run_id: The run.
        table: The table.
    """

    def __init__(self, client: Any, flow_run_id: UUID, table: LiveTable) -> None:
        self._client, self._flow_run_id, self._table = client, flow_run_id, table
        self._running: dict[str, str] = {}

    def look(self) -> None:
        """Ask the server."""
        from prefect.client.schemas.filters import (
            ArtifactFilter,
            ArtifactFilterFlowRunId,
            ArtifactFilterType,
            FlowRunFilter,
            FlowRunFilterId,
        )
        from prefect.client.schemas.sorting import TaskRunSort

        of_run = FlowRunFilter(id=FlowRunFilterId(any_=[self._flow_run_id]))
        # The latest only: tasks of a thousand files need not be asked for twice a second.
        tasks = self._client.read_task_runs(
            flow_run_filter=of_run, limit=PAGE, sort=TaskRunSort.EXPECTED_START_TIME_DESC
        )
        for task in reversed(tasks):
            if (found := _TASK.fullmatch(task.name)) and task.state:
                self._at(found[1], found[2], task.state.type.value)
        of_artifacts = ArtifactFilter(
            flow_run_id=ArtifactFilterFlowRunId(any_=[self._flow_run_id]), type=ArtifactFilterType(any_=["progress"])
        )
        for artifact in self._client.read_artifacts(artifact_filter=of_artifacts, limit=PAGE):
            step, _, name = (artifact.description or "").partition(" of ")
            for title, at in self._running.items():
                if at == step and md(title) == name:
                    self._table.step(title, at, int(float(artifact.data or 0)), 100)

    def _at(self, step: str, title: str, state: str) -> None:
        if step == "batch":
            title, step = f"batch {title}", "batch"
        if state == "RUNNING":
            self._running[title] = step
            self._table.step(title, step)
        elif state in ("PENDING", "SCHEDULED"):
            self._table.expect([(title, title, 0)])
        elif step == "batch":
            self._table.end(title, title, "done" if state == "COMPLETED" else "failed", bad=state != "COMPLETED")

    def take(self, text: str) -> None:
        """Take a line of the run's log, which says how a file's way ended."""
        if found := _ENDED.match(text):
            self._running.pop(found[1], None)
            self._table.end(found[1], found[1], found[2], bad=found[2] in _BAD)
