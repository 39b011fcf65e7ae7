"""How the local stack's worker starts runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import WorkPoolUpdate

from deployments import work_pools


def template() -> dict[str, Any]:
    with get_client(sync_client=True) as client:
        return client.read_work_pool("lake-process").base_job_template


def defaults() -> tuple[Any, Any]:
    variables = template()["variables"]["properties"]
    return variables["command"].get("default"), variables["working_dir"].get("default")


def set_command(command: str) -> None:
    own = template()
    own["variables"]["properties"]["command"]["default"] = command
    with get_client(sync_client=True) as client:
        client.update_work_pool("lake-process", WorkPoolUpdate(base_job_template=own))


def test_runs_start_their_engine_at_once_unless_the_pool_was_given_another_command() -> None:
    work_pools.create_missing({"lake-process"})
    assert defaults() == (None, None)
    work_pools.start_runs_at_once("lake-process", "/old place/python", Path("/old"))
    assert defaults() == ("'/old place/python' -m deployments.local.engine", "/old")
    work_pools.start_runs_at_once("lake-process", "/new/python", Path("/new"))
    assert defaults() == ("/new/python -m deployments.local.engine", "/new")

    set_command("/old/python -m prefect.engine")  # as an earlier version did
    work_pools.start_runs_at_once("lake-process", "/new/python", Path("/new"))
    assert defaults() == ("/new/python -m deployments.local.engine", "/new")

    for own in ("nice /new/python -m own", "nice /new/python -m prefect.engine"):
        set_command(own)
        work_pools.start_runs_at_once("lake-process", "/newer/python", Path("/newer"))
        assert defaults() == (own, "/new")
