"""What all system tests share: a Prefect server with a password and an encryption key, and the stack of `make up`."""

from __future__ import annotations

import base64
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.tools.stack import RunningStack, stack_up

START_TIMEOUT_S = 120
PROJECT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class PrefectServer:
    """A running server and what a client needs to use it."""

    api_url: str
    home: Path
    password: str
    encryption_key: str | None

    @property
    def database(self) -> Path:
        return self.home / "prefect.db"

    def environment(self, **more: str) -> dict[str, str]:
        """Return an environment for a process that uses the server, without the developer's own settings."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "PREFECT_"))}
        return (
            kept
            | quiet(self.home.parent / "client")
            | {"PREFECT_API_URL": self.api_url, "PREFECT_API_AUTH_STRING": self.password}
            | {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
            | {"AWS_EC2_METADATA_DISABLED": "true", "PYTHONPATH": str(PROJECT)}
            | more
        )

    def get(self, path: str, body: bytes | None = None, *, password: str | None = None) -> tuple[int, bytes]:
        """Send one request to the API; returns status and body. `password=""` sends none."""
        headers = {"Content-Type": "application/json"}
        password = self.password if password is None else password
        if password:
            headers["Authorization"] = "Basic " + base64.b64encode(password.encode()).decode()
        request = urllib.request.Request(self.api_url + path, body, headers)
        try:
            with _opener().open(request, timeout=60) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()


def quiet(home: Path) -> dict[str, str]:
    return {
        "PREFECT_HOME": str(home),
        "PREFECT_PROFILES_PATH": str(home / "profiles.toml"),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
        "PREFECT_CLI_PROMPT": "false",
        "PREFECT_CLI_COLORS": "false",
        "PREFECT_LOGGING_COLORS": "false",
        "PREFECT_SERVER_ALLOW_EPHEMERAL_MODE": "false",
    }


def _opener() -> urllib.request.OpenerDirector:
    return urllib.request.build_opener(urllib.request.ProxyHandler({}))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running_server(home: Path, *, password: str, encryption_key: str | None) -> Iterator[PrefectServer]:
    """Run a Prefect server until the block ends."""
    home.mkdir(parents=True, exist_ok=True)
    port = free_port()
    server = PrefectServer(f"http://127.0.0.1:{port}/api", home, password, encryption_key)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "PREFECT_"))}
    secret = {"PREFECT_SERVER_ENCRYPTION_KEY": encryption_key} if encryption_key else {}
    protected = {"PREFECT_SERVER_API_AUTH_STRING": password} if password else {}
    command = [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)]
    with (home / "server.log").open("wb") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=kept | quiet(home) | secret | protected,
        )
        try:
            _wait(server, process)
            yield server
        finally:
            process.terminate()
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait(server: PrefectServer, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline:
        try:
            if server.get("/health")[0] == 200:
                return
        except OSError:
            pass
        if process.poll() is not None:
            break
        time.sleep(0.1)
    raise RuntimeError(f"The Prefect server did not start:\n{(server.home / 'server.log').read_text()[-3000:]}")


@pytest.fixture(scope="session")
def prefect_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrefectServer]:
    key = base64.urlsafe_b64encode(os.urandom(32)).decode()
    home = tmp_path_factory.mktemp("prefect") / "server"
    with running_server(home, password="admin:marker-api-password", encryption_key=key) as server:
        yield server


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    """The stack of `make up`, one for all tests that use it."""
    with stack_up(tmp_path_factory.mktemp("stack")) as running:
        yield running


def run_python(
    server: PrefectServer, arguments: list[str], *, cwd: Path = PROJECT, timeout: float = 120, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run this project's Python on the server, without a terminal."""
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=cwd,
        env=server.environment(**environment),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout,
    )
