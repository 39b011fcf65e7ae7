"""`make deploy`: work pools, every deployment of prefect.yaml, and the automations that watch over their runs.

All on the server that PREFECT_API_URL names. What an operator changed there stays (`deployments.kept`), and pools that
exist are left as they are. Deployments of an installation's own stand in prefect.local.yaml, beside prefect.yaml.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path
from typing import Any

from deployments import alerts, kept, work_pools

PROJECT = Path(__file__).resolve().parents[1]
FILES = ("prefect.yaml", "prefect.local.yaml")


class DeployFailed(Exception):
    """`prefect deploy --all` failed; the message is what it printed."""


def deploy_all() -> tuple[str, list[str]]:
    """Deploy what prefect.yaml and prefect.local.yaml name, and keep what an operator changed on the server.

    Returns:
        What Prefect printed, and the deployments of which something was kept.

    Raises:
        DeployFailed: Prefect could not deploy one.
    """
    before, printed, names = kept.read_all(), "", []
    for file in FILES:
        if not (PROJECT / file).is_file():
            continue
        done = subprocess.run(
            [sys.executable, "-m", "prefect", "--no-prompt", "deploy", "--all", "--prefect-file", file],
            cwd=PROJECT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        if done.returncode:
            raise DeployFailed(f"`prefect deploy --all` failed for {file}:\n{done.stdout}")
        printed += done.stdout
        names += full_names(file)
    return printed, kept.restore(before, names)


def full_names(file: str) -> list[str]:
    """Return the deployments that a file names, as `flow/deployment`."""
    from prefect.utilities.importtools import import_object

    return [f"{import_object(entry['entrypoint']).name}/{entry['name']}" for entry in _deployments(file)]


def pools() -> set[str]:
    """Return the work pools that the deployments name."""
    return {entry["work_pool"]["name"] for file in FILES for entry in _deployments(file)}


def _deployments(file: str) -> list[dict[str, Any]]:
    import yaml

    path = PROJECT / file
    return (yaml.safe_load(path.read_text()).get("deployments") or []) if path.is_file() else []


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
    for name in work_pools.create_missing(pools()):
        print(f"Created work pool {name}")
    try:
        printed, changed = deploy_all()
    except DeployFailed as error:
        print(error, file=sys.stderr)
        return 1
    print(printed)
    for name in changed:
        print(f"{name}: kept what was changed on the server")
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
