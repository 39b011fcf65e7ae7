"""The services of deployments/compose.yaml as processes: the same commands and settings, on the tests' loopback ports.

Only addresses, folders and waiting times differ, and each difference is named here.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil
import yaml

from tests.system.conftest import PROJECT, free_port, quiet

COMPOSE = PROJECT / "deployments/compose.yaml"
PATIENCE_S = 150

SECRETS = {
    "LAKE_DB_PASSWORD": "marker-database-password",
    "LAKE_API_AUTH": "admin:marker-api-password",
    "LAKE_BLOCK_KEY": "bWFya2VyLWJsb2NrLWtleS1tYXJrZXItYmxvY2stay0=",
    "LAKE_STORE_ACCESS_KEY": "rclonetestkey",
    "LAKE_STORE_SECRET_KEY": "rclone-secret",
}
IMPATIENT = {
    "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30",  # the least that Prefect takes
    "PREFECT_SERVER_SERVICES_LATE_RUNS_AFTER_SECONDS": "1",
    "PREFECT_SERVER_SERVICES_LATE_RUNS_LOOP_SECONDS": "1",
    "PREFECT_SERVER_DEPLOYMENTS_CONCURRENCY_SLOT_WAIT_SECONDS": "2",
    "PREFECT_SERVER_SERVICES_TRIGGERS_PG_NOTIFY_RECONNECT_INTERVAL_SECONDS": "1",
    "PREFECT_WORKER_QUERY_SECONDS": "2",
    "PREFECT_LOGGING_SERVER_LEVEL": "INFO",
}


def compose() -> dict[str, Any]:
    """Return the Compose file, with the secrets filled in as `docker compose` does."""
    text = re.sub(r"\$\{(\w+):[?-]([^}]*)\}", lambda name: SECRETS.get(name[1], name[2]), COMPOSE.read_text())
    loaded: dict[str, Any] = yaml.safe_load(text)
    return loaded


def eventually(look: Any, what: str) -> Any:
    """Wait for something that another process does; only how long the test waits depends on the clock."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        try:
            if found := look():
                return found
        except httpx.HTTPError:
            pass  # the server is being restarted
        time.sleep(0.25)
    raise AssertionError(f"{what} did not happen in {PATIENCE_S} s")


@dataclass
class Stack:
    """What the Compose file's services are in this test."""

    home: Path
    database_url: str
    port: int = field(default_factory=free_port)
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def api_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/api"

    def environment(self, service: str, **more: str) -> dict[str, str]:
        """Return what the Compose file sets for a service, with this test's addresses."""
        stated = compose()["services"][service]["environment"]
        here = {
            "PREFECT_API_DATABASE_CONNECTION_URL": self.database_url,
            "PREFECT_API_URL": self.api_url,
            "PREFECT_HOME": str(self.home / "server"),
            "PREFECT_SERVER_UI_STATIC_DIRECTORY": str(self.home / "ui"),
        }
        stated = stated | {name: value for name, value in here.items() if name in stated}
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "PREFECT_"))}
        return (
            kept
            | quiet(self.home / service)
            | {"PYTHONPATH": str(PROJECT), "AWS_EC2_METADATA_DISABLED": "true"}
            | {name: str(value) for name, value in stated.items()}
            | IMPATIENT
            | more
        )

    def start(self, service: str, command: list[str], name: str = "") -> subprocess.Popen[bytes]:
        """Start a program of a service in a group of its own, its output in a file."""
        name = name or service
        with (self.home / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", *command],
                cwd=PROJECT,
                env=self.environment(service),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.processes[name] = process
        return process

    def start_server(self) -> None:
        command = list(compose()["services"]["server"]["command"])
        command[command.index("--host") + 1] = "127.0.0.1"
        command[command.index("--port") + 1] = str(self.port)
        process = self.start("server", command)

        def answers() -> bool:
            assert process.poll() is None, (self.home / "server.log").read_text()[-3000:]
            return httpx.get(f"{self.api_url}/health", timeout=5).status_code == 200

        eventually(answers, "the start of the server")

    def start_worker(self, name: str) -> None:
        command = list(compose()["services"]["worker"]["command"])
        command.remove("--with-healthcheck")  # its port is the same for every worker of a machine
        self.start("worker", [*command, "--name", name], name)

    def run_setup(self, program: str) -> str:
        """Run Python as the service `setup` does; returns its output."""
        done = subprocess.run(
            [sys.executable, "-c", program],
            cwd=PROJECT,
            env=self.environment("setup"),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def stop(self, name: str) -> None:
        process = self.processes.pop(name)
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def kill(self, name: str) -> None:
        """End a service and whatever it started as a machine does that loses its power."""
        started = self.processes.pop(name)
        if started.poll() is not None:
            return
        process = psutil.Process(started.pid)
        family = [process, *process.children(recursive=True)]
        for one in family:
            one.send_signal(signal.SIGSTOP)  # so that no parent reports the end of a child
        for one in family:
            one.kill()
        psutil.wait_procs(family, timeout=30)
        started.wait()

    def api(self, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """Ask the API; with a body as a POST."""
        user, password = SECRETS["LAKE_API_AUTH"].split(":")
        with httpx.Client(base_url=self.api_url, auth=(user, password), timeout=30) as client:
            answer = client.get(path) if body is None else client.post(path, json=body)
        answer.raise_for_status()
        return answer.json()

    def state(self, run_id: str) -> str:
        return str(self.api(f"/flow_runs/{run_id}")["state"]["type"])


@contextmanager
def stack(home: Path, database_url: str) -> Iterator[Stack]:
    running = Stack(home, database_url)
    try:
        yield running
    finally:
        for name in list(running.processes):
            running.kill(name)
        shutil.rmtree(home / "ui", ignore_errors=True)
