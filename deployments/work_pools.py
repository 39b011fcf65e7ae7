"""The work pools: where runs happen, and the base job templates that say what each pool's users may set.

Templates are those of the installed worker types, so that they follow an upgrade. Only ECS gets an addition: its
template knows no volumes, and the folder that a task reads has to come from somewhere. What one deployment sets (image,
volume, memory, roles, log group) is in prefect.yaml or prefect.local.yaml under `job_variables`.
"""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Collection
from pathlib import Path
from typing import Any

POOLS = {"lake-process": "process", "lake-docker": "docker", "lake-ecs": "ecs"}
"""Work pool to worker type; prefect.yaml names the pools."""

DATA_FOLDER = "/datalake/raw/data"

ENGINE = "deployments.local.engine"
"""What the local worker starts for a run: nothing has to be prepared."""

EARLIER_ENGINE = "prefect.engine"
"""What earlier versions set, and this one replaces."""


def base_job_template(kind: str) -> dict[str, Any]:
    """Return the base job template for a worker type.

    Args:
        kind: The type: process, docker or ecs.

    Raises:
        ValueError: No installed package knows it, and neither does the server.
    """
    from prefect.workers.utilities import get_default_base_job_template_for_infrastructure_type

    template = asyncio.run(get_default_base_job_template_for_infrastructure_type(kind))
    if not template:
        raise ValueError(f"There is no base job template for the worker type {kind!r}: is its package installed?")
    return allow_unset(with_data_volume(template) if kind == "ecs" else template)


def allow_unset(template: dict[str, Any]) -> dict[str, Any]:
    """Return a template whose `env` takes null, which keeps a variable of the worker, such as a password, from the run.

    The templates that a server knows of worker types that are not installed beside it take only strings.
    """
    template["variables"]["properties"]["env"]["additionalProperties"] = {"type": ["string", "null"]}
    return template


def with_data_volume(template: dict[str, Any]) -> dict[str, Any]:
    """Return an ECS template whose tasks mount an EFS file system, read-only, where the flow looks for its files.

    The file system becomes a variable without a default: a task that would start without its folder is refused when
    it is deployed. Source: the parameters of RegisterTaskDefinition,
    https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RegisterTaskDefinition.html
    """
    definition = template["job_configuration"]["task_definition"]
    definition["volumes"] = [
        {
            "name": "data",
            "efsVolumeConfiguration": {"fileSystemId": "{{ efs_file_system_id }}", "transitEncryption": "ENABLED"},
        }
    ]
    (container,) = definition["containerDefinitions"]
    container["mountPoints"] = [{"sourceVolume": "data", "containerPath": DATA_FOLDER, "readOnly": True}]
    variables = template["variables"]
    variables["properties"]["efs_file_system_id"] = {
        "type": "string",
        "title": "EFS File System ID",
        "description": f"The file system that holds the CSV files; it is mounted read-only at {DATA_FOLDER}.",
    }
    variables["required"] = sorted({*variables.get("required", ()), "efs_file_system_id"})
    return template


def create_missing(wanted: Collection[str]) -> list[str]:
    """Create those of the wanted work pools that are missing, and leave the others as they are; returns their names."""
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.actions import WorkPoolCreate
    from prefect.exceptions import ObjectNotFound

    created = []
    with get_client(sync_client=True) as client:
        for name, kind in ((name, kind) for name, kind in POOLS.items() if name in wanted):
            try:
                client.read_work_pool(name)
            except ObjectNotFound:
                template = base_job_template(kind)
                client.create_work_pool(WorkPoolCreate(name=name, type=kind, base_job_template=template))
                created.append(name)
    return created


def start_runs_at_once(name: str, python: str, project: Path) -> None:
    """Have the workers of a process pool start a run's engine itself, where the project is.

    By default they start a process that looks for the project, its packages and `uv`, and starts Python a second time
    to become the engine: a second more until the first task. Only for a server whose workers are on this machine,
    because the pool names its paths. A command that somebody else has set for the pool stays.

    Args:
        name: The pool, which exists.
        python: The interpreter.
        project: The folder with the flows.
    """
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.actions import WorkPoolUpdate

    with get_client(sync_client=True) as client:
        template = client.read_work_pool(name).base_job_template
        variables = template["variables"]["properties"]
        command, folder = variables["command"], variables["working_dir"]
        if not command.get("default") or _is_own(command["default"]):
            command["default"] = f"{shlex.quote(python)} -m {ENGINE}"
            folder["default"] = str(project)
            client.update_work_pool(name, WorkPoolUpdate(base_job_template=template))


def _is_own(command: str) -> bool:
    """Say whether this module set a pool's command, now or in an earlier version."""
    _, *rest = shlex.split(command)
    return rest in (["-m", ENGINE], ["-m", EARLIER_ENGINE])
