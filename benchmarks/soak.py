"""`make soak`: 200 daily runs, one after another, in one stack of `make up` on loopback; what grows, and how fast.

After each run it notes the memory and open files of the server and the worker, the size of the database and the seconds
that the run took. It ends with 1 if memory, open files or run time of the last quarter exceed those of the second by
more than `TOLERANCE`; the first warms caches up. Quarters are compared by their medians, run times by their fastest,
which other work on the machine disturbs least. `--write` writes `docs/soak.svg` and `docs/soak.json`.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import psutil

PROJECT = Path(__file__).resolve().parent.parent
MB = 1000 * 1000
TOLERANCE = 1.25
RUN_LIMIT_S = 120
MEASURES = {
    "server_mb": "Server, memory (MB)",
    "worker_mb": "Worker, memory (MB)",
    "server_files": "Server, open files",
    "worker_files": "Worker, open files",
    "database_mb": "Database (MB)",
    "run_s": "One run (s)",
}
BOUNDED = ("server_mb", "worker_mb", "server_files", "worker_files", "run_s")
"""The database is not among them: it holds the history, which a setting bounds (docs/operations.md)."""


def main() -> int:
    """Run the soak; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--write", action="store_true", help="write docs/soak.svg and docs/soak.json")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="lake-soak-") as folder:
        samples, rows = soak(Path(folder), options.runs)
        history_mb = size_without_events_mb(Path(folder))
    report = {
        "date": date.today().isoformat(),
        "command": f"make soak (python -m benchmarks.soak --runs {options.runs})",
        "machine": f"{os.cpu_count()} cores, Python {sys.version.split()[0]}",
        "runs": len(samples),
        "quarters": {
            name: quarters([sample[name] for sample in samples], min if name == "run_s" else statistics.median)
            for name in MEASURES
        },
        "database_without_events_mb": round(history_mb, 2),
        "rows_per_run": {
            table: round(count / len(samples), 1) for table, count in rows.items() if count > len(samples)
        },
    }
    print(json.dumps(report, indent=1))
    if options.write:
        (PROJECT / "docs/soak.json").write_text(json.dumps(report, indent=1) + "\n")
        (PROJECT / "docs/soak.svg").write_text(plot(samples))
    grown = [name for name in BOUNDED if report["quarters"][name][3] > TOLERANCE * report["quarters"][name][1]]  # type: ignore[index]
    for name in grown:
        print(f"{MEASURES[name]} grew by more than {TOLERANCE - 1:.0%} from the second quarter to the last.")
    return 1 if grown else 0


def quarters(values: Sequence[float], of: Callable[[Sequence[float]], float]) -> list[float]:
    """Return one figure for each of the four quarters of a series."""
    size = max(1, len(values) // 4)
    return [round(of(values[start : start + size]), 2) for start in range(0, 4 * size, size)]


def size_without_events_mb(state: Path) -> float:
    """Return the size of the database once the events, which are kept for seven days, have gone."""
    database = state / ".prefect/prefect.db"
    with sqlite3.connect(database) as connection:
        connection.execute("DELETE FROM events")
        connection.execute("DELETE FROM event_resources")
        connection.commit()
        connection.execute("VACUUM")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # the file itself changes only now
    return database.stat().st_size / MB


def soak(state: Path, runs: int) -> tuple[list[dict[str, float]], dict[str, int]]:
    """Run the flow so often; returns a sample for each run, and the rows that each table holds at the end."""
    from prefect.client.orchestration import get_client
    from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_URL, temporary_settings

    samples = []
    with (
        stack(state) as (api_url, server, worker),
        temporary_settings(
            {
                PREFECT_API_URL: api_url,
                PREFECT_API_AUTH_STRING: (state / ".prefect/api-auth-string").read_text(),
            }
        ),
        get_client(sync_client=True) as client,
    ):
        daily = client.read_deployment_by_name("ingest-raw/daily")
        for number in range(runs):
            day = date(2024, 1, 1) + timedelta(days=number)
            started = time.monotonic()
            one_run(client, daily, day)
            samples.append(
                {
                    "run_s": time.monotonic() - started,
                    "server_mb": server.memory_info().rss / MB,
                    "worker_mb": worker.memory_info().rss / MB,
                    "server_files": server.num_fds(),
                    "worker_files": worker.num_fds(),
                    "database_mb": sum(file.stat().st_size for file in (state / ".prefect").glob("prefect.db*")) / MB,
                }
            )
            if number % 10 == 9:
                print(number + 1, {name: round(value, 1) for name, value in samples[-1].items()}, flush=True)
    return samples, row_counts(state / ".prefect/prefect.db")


def one_run(client: Any, daily: Any, day: date) -> None:
    """Run the flow for one day and wait for its end.

    Raises:
        RuntimeError: It did not complete, or not in time.
    """
    parameters = daily.parameters | {"partition_date": day.isoformat()}
    run = client.create_flow_run_from_deployment(daily.id, parameters=parameters)
    deadline = time.monotonic() + RUN_LIMIT_S
    while not run.state.is_final():
        if time.monotonic() > deadline:
            raise RuntimeError(f"The run of {day} has not ended after {RUN_LIMIT_S} s.")
        time.sleep(0.2)
        run = client.read_flow_run(run.id)
    if not run.state.is_completed():
        raise RuntimeError(f"The run of {day} ended {run.state.name}: {run.state.message}")


def row_counts(database: Path) -> dict[str, int]:
    """Return how many rows each table holds."""
    with sqlite3.connect(database) as connection:
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {table: connection.execute(f'SELECT count(*) FROM "{table}"').fetchone()[0] for table in tables}


@contextmanager
def stack(state: Path) -> Iterator[tuple[str, psutil.Process, psutil.Process]]:
    """Run `make up`'s program; yields the API's address, and the processes of server and worker."""
    port = free_port()
    env = os.environ | {"LAKE_STATE": str(state), "UI_PORT": str(port), "LAKE_PORT": str(free_port())}
    log = state / "up.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "deployments.local.up"],
            cwd=PROJECT,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        deadline = time.monotonic() + 300
        while b"The stack is up" not in log.read_bytes():
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"The stack did not start:\n{log.read_text()[-2000:]}")
            time.sleep(0.5)
        yield f"http://127.0.0.1:{port}/api", part(process.pid, "server"), part(process.pid, "worker")
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(60)


def part(stack_pid: int, word: str) -> psutil.Process:
    """Return the stack's child that runs `prefect WORD start`."""
    for child in psutil.Process(stack_pid).children():
        if word in child.cmdline() and "start" in child.cmdline():
            return child
    raise RuntimeError(f"The stack has no {word}.")


def free_port() -> int:
    """Return a loopback port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def plot(samples: Sequence[dict[str, float]]) -> str:
    """Draw each measure over the number of runs, as one SVG of small multiples."""
    width, height, left, top = 300, 130, 50, 34
    parts = []
    for index, (name, title) in enumerate(MEASURES.items()):
        x, y = 20 + (index % 2) * (width + left + 40) + left, top + (index // 2) * (height + 66)
        values = [sample[name] for sample in samples]
        most = max(values) * 1.15 or 1
        points = " ".join(
            f"{x + width * number / max(1, len(values) - 1):.1f},{y + height * (1 - value / most):.1f}"
            for number, value in enumerate(values)
        )
        parts.append(f'<text x="{x}" y="{y - 10}" class="title">{title}</text>')
        for share in (0, 0.5, 1):
            line = y + height * (1 - share)
            parts.append(f'<line x1="{x}" y1="{line}" x2="{x + width}" y2="{line}" class="grid"/>')
            parts.append(f'<text x="{x - 6}" y="{line + 4}" class="end">{most * share:.3g}</text>')
        parts.append(f'<polyline points="{points}"/>')
        parts.append(f'<text x="{x}" y="{y + height + 18}">1</text>')
        parts.append(f'<text x="{x + width}" y="{y + height + 18}" class="end">run {len(values)}</text>')
    style = (
        "text{font:12px sans-serif;fill:#333}.title{font-weight:bold}.end{text-anchor:end}"
        ".grid{stroke:#ddd}polyline{fill:none;stroke:#1f6feb;stroke-width:1.5}"
    )
    size = f'width="{2 * (width + left + 40) + 10}" height="{top + 3 * (height + 66) - 20}"'
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size}><style>{style}</style>'
        f'<rect width="100%" height="100%" fill="#fff"/>\n{body}\n</svg>\n'
    )


if __name__ == "__main__":
    sys.exit(main())
