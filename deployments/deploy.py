"""`make deploy`: the work pools, then every deployment of prefect.yaml, on the server that PREFECT_API_URL names.

Pools that exist are left as they are, so that a second run changes nothing and an operator's settings stay.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys

from deployments.stack import PROJECT

POOLS = {"lake-process": "process", "lake-docker": "docker", "lake-ecs": "ecs"}
"""Work pool to worker type; prefect.yaml names the pools."""


def create_work_pools() -> list[str]:
    """Create the work pools that are missing; returns their names.

    The base job templates are those that the server knows for each type of worker.
    """
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.actions import WorkPoolCreate
    from prefect.exceptions import ObjectNotFound
    from prefect.workers.utilities import get_default_base_job_template_for_infrastructure_type

    created = []
    with get_client(sync_client=True) as client:
        for name, kind in POOLS.items():
            try:
                client.read_work_pool(name)
            except ObjectNotFound:
                template = asyncio.run(get_default_base_job_template_for_infrastructure_type(kind))
                client.create_work_pool(WorkPoolCreate(name=name, type=kind, base_job_template=template or {}))
                created.append(name)
    return created


def deploy_all() -> subprocess.CompletedProcess[str]:
    """Run `prefect --no-prompt deploy --all` in the project."""
    return subprocess.run(
        [sys.executable, "-m", "prefect", "--no-prompt", "deploy", "--all"],
        cwd=PROJECT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def main() -> int:
    """Create what is missing and deploy; returns the exit code."""
    for name in create_work_pools():
        print(f"Created work pool {name}")
    done = deploy_all()
    print(done.stdout)
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
