"""Drives the project's own commands as processes, as a user does: each stack keeps its state in a folder of its own."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil

PROJECT = Path(__file__).resolve().parents[2]
START_TIMEOUT_S = 240


def environment(state: Path, **more: str) -> dict[str, str]:
    """Return the environment of a user whose home is empty but for a Prefect profile that must not be used."""
    home = state / "home"
    profiles = home / ".prefect/profiles.toml"
    profiles.parent.mkdir(parents=True, exist_ok=True)
    profiles.write_text('active = "cloud"\n[profiles.cloud]\nPREFECT_API_URL = "http://127.0.0.1:9/api"\n')
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "AWS_"))}
    return kept | {"LAKE_STATE": str(state), "HOME": str(home), "PREFECT_API_KEY": "must-not-be-used"} | more


def left_running(state: Path) -> list[str]:
    """Return the command lines of processes that still belong to a stack."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("LAKE_STATE") == str(state) and process.status() != psutil.STATUS_ZOMBIE:
                found.append(" ".join(process.cmdline()))
        except psutil.Error:
            continue
    return found


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class RunningStack:
    """`make up`, up: started and interrupted as from a terminal, its history kept in between."""

    state: Path
    ports: Mapping[str, int] = field(
        default_factory=lambda: {name: free_port() for name in ("UI_PORT", "LAKE_PORT", "BROWSE_PORT")}
    )
    output: list[str] = field(default_factory=list)
    process: subprocess.Popen[str] | None = None

    @property
    def ui_url(self) -> str:
        return f"http://127.0.0.1:{self.ports['UI_PORT']}"

    @property
    def api_url(self) -> str:
        return f"{self.ui_url}/api"

    @property
    def auth(self) -> tuple[str, str]:
        """User and password of the API, as the stack keeps them."""
        user, _, password = (self.state / ".prefect/api-auth-string").read_text().partition(":")
        return user, password

    @property
    def lake(self) -> Path:
        return self.state / "lake/compass-desafio-final-dramance"

    def start(self) -> None:
        """Run `make up`'s program until it says that the stack is up."""
        process = subprocess.Popen(
            [sys.executable, "-m", "deployments.local.up"],
            cwd=PROJECT,
            env=environment(self.state, **{name: str(value) for name, value in self.ports.items()}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.process = process
        up = threading.Event()

        def read() -> None:
            assert process.stdout
            for line in process.stdout:
                self.output.append(line)
                if line.startswith("The stack is up."):
                    up.set()
            up.set()

        threading.Thread(target=read, daemon=True).start()
        up.wait(START_TIMEOUT_S)
        assert process.poll() is None, "".join(self.output)

    def interrupt(self) -> int:
        """Do what Ctrl-C does; returns the exit code."""
        assert self.process
        self.process.send_signal(signal.SIGINT)
        try:
            return self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise

    def prefect(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a prefect command in a terminal that is pointed at this stack."""
        return subprocess.run(
            [sys.executable, "-m", "prefect", *arguments],
            cwd=PROJECT,
            env=environment(self.state, NO_COLOR="1", COLUMNS="200")
            | {"PREFECT_PROFILES_PATH": str(self.state / ".prefect/stack.toml"), "PREFECT_API_KEY": ""},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=check,
            timeout=180,
        )


@contextmanager
def stack_up(state: Path) -> Iterator[RunningStack]:
    """Keep a stack up until the block ends."""
    running = RunningStack(state)
    running.start()
    try:
        yield running
    finally:
        running.interrupt()
