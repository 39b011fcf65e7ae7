"""`make up`: the local stack in the foreground: server with UI, embedded lake, deployments, worker.

Ctrl-C stops everything; what it stored stays for the next start. Its ports are fixed, so that bookmarks and blocks go
on working, and a taken port is said with the variable that changes it.
"""

from __future__ import annotations

import socket
import sys
from pathlib import Path

from deployments.local import catalog, children, folders, services, ways_in

QUERY_S = "0.5"
"""How often the worker asks for runs: somebody waits in front of this stack, with Prefect's default up to 10 s."""


def port(variable: str) -> int:
    """Return the port that a variable names, or its default.

    Raises:
        StackError: It is not a port number, or something listens there already.
    """
    number = services.port_number(variable)
    with socket.socket() as probe:
        # The server's own bind allows addresses in TIME_WAIT, and so must the probe.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", number))
        except OSError as error:
            raise folders.StackError(
                f"Port {number} cannot be used ({error.strerror}). Choose another: make up {variable}={number + 1000}"
            ) from error
    return number


def _welcome(ui_url: str, lake: services.LakeServer) -> str:
    prefect = f"PREFECT_PROFILES_PATH={_near(ways_in.PROFILE)} .venv/bin/prefect"
    return f"""
The stack is up. Ctrl-C stops it; its history and the lake stay.

  UI            {ui_url}
  Sign in       once: open {ways_in.SIGN_IN_PAGE} in your browser
                or paste the line that {_near(ways_in.API_PASSWORD)} holds
  Start a run   in the UI: Deployments, daily, Run
                or: make run                         (make run SOURCE=some/folder for other files)
                or: {prefect} deployment run 'ingest-raw/daily' --watch
  The lake      {lake.browse_url}, plain files in {folders.LAKE_FOLDER}
                on one page: {catalog.address(lake.browse_url)}{catalog.not_yet()}
"""


def _near(path: Path) -> str:
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


def main() -> int:
    """Run the stack until it is interrupted; returns the exit code."""
    children.end_on_sigterm()
    services.isolate_prefect()
    try:
        ui_port, lake_port, browse_port = (port(variable) for variable in services.PORTS)
        ui_url = f"http://127.0.0.1:{ui_port}"
        with services.only_one(f"{ui_url}/api") as running:
            if running:
                raise folders.StackError(f"The stack is up already: {running.removesuffix('/api')}")
            with services.embedded_lake(lake_port, browse_port) as lake, services.prefect_server(ui_port):
                return _serve(lake, ui_url)
    except folders.StackError as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nStopped; `make up` goes on where this ended.", file=sys.stderr)
        return 0


def _serve(lake: services.LakeServer, ui_url: str) -> int:
    from deployments import alerts, deploy, work_pools

    # In this order: a run that was due while the stack was down starts with the worker, and needs the new lake's keys.
    ways_in.write_ways_in(f"{ui_url}/api")
    services.store_lake_block(lake)
    services.make_masking_key()
    work_pools.create_missing(deploy.pools())
    work_pools.start_runs_at_once("lake-process", sys.executable, folders.PROJECT)
    command = [sys.executable, "-m", "prefect", "worker", "start", "--pool", "lake-process"]
    with children.child(
        [*command, "--install-policy", "never", "--name", "local"], None, {"PREFECT_WORKER_QUERY_SECONDS": QUERY_S}
    ) as worker:
        children.say("Deploying")
        try:
            deploy.deploy_all()
        except deploy.DeployFailed as error:
            raise folders.StackError(str(error)) from error
        alerts.apply()
        children.say(_welcome(ui_url, lake))
        code = worker.wait()
    raise folders.StackError(f"The worker ended with code {code}; its output is above.")


if __name__ == "__main__":
    sys.exit(main())
