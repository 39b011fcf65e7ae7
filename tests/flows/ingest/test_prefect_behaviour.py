"""What this project works around in Prefect.

Each test fails without its workaround. When one passes without it on a new release, take the workaround out.
"""

from __future__ import annotations

import importlib
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from prefect import flow
from prefect.utilities.collections import visit_collection

from flows.ingest import tasks
from flows.lake.errors import LakeError
from flows.lake.models import SourceFile
from flows.lake.sources.batches import arrange
from tests.flows.conftest import logs_of
from tests.tools.rules import RULES

COMPOSE = Path(__file__).parents[3] / "deployments/compose.yaml"


@tasks.stage(name="always-fails")
def always_fails() -> None:
    raise LakeError("There is no lake.", remedy="Dig one.")


def test_stage_that_ended_failed_raises_in_the_flow_that_called_it() -> None:
    reached: list[str] = []

    @flow
    def calls_a_stage() -> None:
        always_fails()
        reached.append("the line after")

    state = calls_a_stage(return_state=True)
    assert state.is_failed()
    assert not reached  # Prefect itself would hand the Failed state over as a value


def test_stage_that_ended_failed_is_logged_once_and_without_an_empty_traceback() -> None:
    @flow
    def calls_a_stage() -> None:
        always_fails()

    lines = [line for line in logs_of(calls_a_stage(return_state=True)) if "There is no lake" in line]
    assert lines
    assert not [line for line in lines if "NoneType: None" in line or "Task run failed with state" in line]


def test_walk_for_futures_does_not_enter_the_files_of_a_batch() -> None:
    files = [SourceFile(Path(f"{number}.csv"), "D", f"Raw/Local/CSV/D/{number}.csv", 1, RULES) for number in range(500)]
    batches = arrange(files, 10, whole=True).batches
    assert sum(len(batch.files) for batch in batches) == 500
    assert _values_visited(batches) < 100


def _values_visited(of: Any) -> int:
    """Count what Prefect looks at in a task's parameter or a flow's result to find futures."""
    seen: list[Any] = []
    visit_collection(of, visit_fn=seen.append, return_data=False)
    return len(seen)


def _server_modules() -> Iterator[tuple[str, str]]:
    environment: dict[str, str] = yaml.safe_load(COMPOSE.read_text())["services"]["server"]["environment"]
    for name in ("PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE", "PREFECT_SERVER_EVENTS_CAUSAL_ORDERING"):
        yield name, environment[name]


@pytest.mark.parametrize(("name", "module"), list(_server_modules()))
def test_modules_that_keep_leases_and_waiting_events_over_a_restart_exist(name: str, module: str) -> None:
    from prefect.settings import Settings

    settings = Settings()
    default = {
        "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": settings.server.concurrency.lease_storage,
        "PREFECT_SERVER_EVENTS_CAUSAL_ORDERING": settings.server.events.causal_ordering,
    }[name]
    assert importlib.import_module(module)
    assert default.endswith(".memory")  # when this is no longer Prefect's default, the setting may go


def test_error_whose_text_is_a_traceback_is_still_logged() -> None:
    record = logging.LogRecord("prefect.task_runs", logging.ERROR, "f.py", 1, "broke", None, None)
    try:
        raise ValueError("why")
    except ValueError as error:
        record.exc_info = (ValueError, error, error.__traceback__)
    assert logging.getLogger("prefect.task_runs").filter(record)
