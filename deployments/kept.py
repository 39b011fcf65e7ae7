"""What an operator changed on the server, kept through a deploy.

`prefect deploy` puts everything that prefect.yaml says onto the server, whatever was changed there since. Each deploy
therefore remembers what it deployed, in a Prefect variable for each deployment, and the next one merges three ways, as
version control does: what nobody changed on the server takes its new value from prefect.yaml, what somebody changed
stays. Parameters and job variables are merged name by name, schedules by their slug.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import (
    DeploymentScheduleCreate,
    DeploymentUpdate,
    VariableCreate,
    VariableUpdate,
)
from prefect.exceptions import ObjectNotFound

Values = dict[str, Any]
"""What a deployment is set to, as JSON: `parameters`, `job_variables`, `schedules` by name, `paused`, `pool`."""

_ABSENT = object()


def merge(base: Any, ours: Any, new: Any) -> Any:
    """Merge what is on the server with what was just deployed.

    Args:
        base: What was deployed the last time.
        ours: What the server had before this deploy.
        new: What this deploy put there.

    Returns:
        Ours where it differs from the base, name by name in mappings; else new.
    """
    if ours == base:
        return new
    if isinstance(ours, Mapping) and isinstance(new, Mapping):
        before = base if isinstance(base, Mapping) else {}
        names = [*ours, *(name for name in new if name not in ours)]
        merged = {
            name: merge(before.get(name, _ABSENT), ours.get(name, _ABSENT), new.get(name, _ABSENT)) for name in names
        }
        return {name: value for name, value in merged.items() if value is not _ABSENT}
    return ours


def read_all() -> dict[str, Values]:
    """Return what each deployment of the server is set to, by its full name."""
    with get_client(sync_client=True) as client:
        return {name: _values(client, item) for name, item in _deployments(client).items()}


def restore(before: Mapping[str, Values], names: Iterable[str]) -> list[str]:
    """Put back what an operator changed, after a deploy, and remember what was deployed.

    Args:
        before: What `read_all` returned before the deploy.
        names: The deployments that were deployed, by their full names.

    Returns:
        The names of those of which something was kept.
    """
    kept = []
    with get_client(sync_client=True) as client:
        every = _deployments(client)
        for name in names:
            deployment = every[name]
            new = _values(client, deployment)
            ours = before.get(name, new)
            # A server that an older version deployed to remembers nothing: whatever differs there is the operator's.
            wanted = merge(_remembered(client, name) or new, ours, new)
            if wanted != new:
                _apply(client, deployment, new, wanted)
                kept.append(name)
            _remember(client, name, new)
    return kept


def _deployments(client: SyncPrefectClient) -> dict[str, Any]:
    """Return the server's deployments by their full names, `flow/deployment`."""
    deployments: dict[str, Any] = {}
    while page := client.read_deployments(limit=200, offset=len(deployments)):
        deployments |= {f"{client.read_flow(item.flow_id).name}/{item.name}": item for item in page}
    return deployments


def _values(client: SyncPrefectClient, deployment: Any) -> Values:
    schedules = client.read_deployment_schedules(deployment.id)
    return {
        "parameters": deployment.parameters,
        "job_variables": deployment.job_variables,
        "schedules": {_name_of(item): _schedule(item) for item in schedules},
        "paused": deployment.paused,
        "pool": deployment.work_pool_name,
    }


def _name_of(schedule: Any) -> str:
    return schedule.slug or json.dumps(schedule.schedule.model_dump(mode="json"), sort_keys=True)


def _schedule(schedule: Any) -> Values:
    made: Values = DeploymentScheduleCreate(
        schedule=schedule.schedule,
        active=schedule.active,
        max_scheduled_runs=schedule.max_scheduled_runs,
        parameters=schedule.parameters,
        slug=schedule.slug,
    ).model_dump(mode="json")
    return made


def _apply(client: SyncPrefectClient, deployment: Any, now: Values, wanted: Values) -> None:
    """Change a deployment from what it is to what it shall be."""
    update = DeploymentUpdate(
        parameters=wanted["parameters"],
        job_variables=wanted["job_variables"],
        paused=wanted["paused"],
        work_pool_name=wanted["pool"],
        tags=deployment.tags,
    )
    client.update_deployment(deployment.id, update)
    schedules = {_name_of(item): item for item in client.read_deployment_schedules(deployment.id)}
    for name in now["schedules"].keys() | wanted["schedules"].keys():
        if now["schedules"].get(name) == wanted["schedules"].get(name):
            continue
        schedule = wanted["schedules"].get(name)
        if schedule is None:
            client.delete_deployment_schedule(deployment.id, schedules[name].id)
            continue
        made = DeploymentScheduleCreate.model_validate(schedule)
        if name not in schedules:
            client.create_deployment_schedules(deployment.id, [made])
            continue
        client.update_deployment_schedule(
            deployment.id, schedules[name].id, active=made.active, schedule=made.schedule, parameters=made.parameters
        )


def _variable(name: str) -> str:
    return "deployed_" + re.sub(r"[^a-z0-9_]", "_", name.lower())


def _remembered(client: SyncPrefectClient, name: str) -> Values | None:
    try:
        variable = client.read_variable_by_name(_variable(name))
    except ObjectNotFound:
        return None
    return variable.value if variable and isinstance(variable.value, dict) else None


def _remember(client: SyncPrefectClient, name: str, values: Values) -> None:
    variable, value = _variable(name), json.loads(json.dumps(values))
    if client.read_variable_by_name(variable) is None:
        client.create_variable(VariableCreate(name=variable, value=value, tags=["lake"]))
    else:
        client.update_variable(VariableUpdate(name=variable, value=value))
