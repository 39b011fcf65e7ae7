"""`make deploy`: work pools, every deployment of prefect.yaml, and the automations that watch over their runs.

All on the server that PREFECT_API_URL names. Pools that exist are left as they are: a second run changes nothing,
and an operator's settings stay.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from typing import Any

from deployments import alerts, work_pools
from deployments.local.services import PROJECT


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


def set_parameters(parameters: dict[str, Any]) -> None:
    """Set parameters of `ingest-raw/daily` on the server, for those who would rather not edit prefect.yaml."""
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.actions import DeploymentUpdate

    with get_client(sync_client=True) as client:
        daily = client.read_deployment_by_name("ingest-raw/daily")
        client.update_deployment(daily.id, DeploymentUpdate(parameters=daily.parameters | parameters))


def main(arguments: list[str] | None = None) -> int:
    """Create what is missing and deploy; returns the exit code."""
    options = _parser().parse_args(arguments)
    for name in work_pools.create_missing():
        print(f"Created work pool {name}")
    done = deploy_all()
    print(done.stdout)
    if done.returncode:
        return done.returncode
    given = {name: getattr(options, name) for name in ("source", "bucket", "credentials")}
    if parameters := {name: value for name, value in given.items() if value}:
        set_parameters(parameters)
        print("ingest-raw/daily: " + ", ".join(f"{name}={value}" for name, value in parameters.items()))
    try:
        names = alerts.apply(options.notify or None)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    print("Automations: " + "; ".join(names))
    if not options.notify:
        print("Nobody is told of runs that fail, are late or stuck: name a notification block with NOTIFY=TYPE/NAME")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m deployments.deploy", description=__doc__.partition("\n")[0])
    parser.add_argument("--notify", metavar="TYPE/NAME", help="the notification block that tells people of bad runs")
    parser.add_argument("--source", help="set the folder of ingest-raw/daily")
    parser.add_argument("--bucket", help="set the bucket of ingest-raw/daily")
    parser.add_argument("--credentials", help="set the credentials block of ingest-raw/daily")
    return parser


if __name__ == "__main__":
    sys.exit(main())
