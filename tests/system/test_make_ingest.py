"""`make ingest` as a process: what it leaves in the lake, what it prints, and that nothing stays behind."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import threading
from pathlib import Path

from tests.tools.stack import PROJECT, environment, left_running

COMMAND = [sys.executable, "-m", "deployments.local.ingest"]


def run(state: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return run_module("deployments.local.ingest", state, *arguments)


def run_module(module: str, state: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=PROJECT,
        env=environment(state),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=400,
    )


def test_make_ingest_fills_the_lake_prints_the_table_and_leaves_nothing_running(tmp_path: Path) -> None:
    source = tmp_path / "meus dados é"
    source.mkdir()
    for name in ("movies.csv", "series.csv"):
        (source / name).write_bytes((PROJECT / "data/sample" / name).read_bytes())
    done = run(tmp_path, str(source))
    assert done.returncode == 0, done.stdout
    assert left_running(tmp_path) == []
    lake = tmp_path / "lake/compass-desafio-final-dramance"
    for dataset, name in (("Movies", "movies.csv"), ("Series", "series.csv")):
        (stored,) = (lake / "Raw/Local/CSV" / dataset).glob("*/*/*/*.csv")
        assert stored.name == name
        assert stored.read_bytes() == (source / name).read_bytes()
        assert f"Raw/Local/CSV/{dataset}/" in done.stdout
    page = lake / "Catalog/index.html"
    assert f"On one page:  {page.as_uri()}" in done.stdout
    assert "Movies" in page.read_text()
    (log,) = (lake / "Logs").iterdir()
    assert "Run ended Completed" in log.read_text().splitlines()[-1]
    assert "1,000 x 15" in done.stdout
    assert "uploaded" in done.stdout
    assert "\x1b" not in done.stdout
    assert "Error logging to API" not in done.stdout
    # The user's own Prefect stays as it was.
    assert [path.name for path in (tmp_path / "home/.prefect").iterdir()] == ["profiles.toml"]

    key = tmp_path / ".prefect/block-encryption.key"
    former = key.read_text()
    assert key.stat().st_mode & 0o777 == 0o600
    rotated = run_module("deployments.local.rotate", tmp_path)
    assert rotated.returncode == 0, rotated.stdout
    assert key.read_text() != former == key.with_name(f"{key.name}.old").read_text()
    assert key.stat().st_mode & 0o777 == 0o600

    page.unlink()
    again = run_module("deployments.local.catalog", tmp_path)
    assert again.returncode == 0, again.stdout
    assert again.stdout.endswith(f"Open {page.as_uri()}\n")
    assert "Movies" in page.read_text()

    # The block is there already: a server that could not open it would refuse to replace it.
    missing = run(tmp_path, str(tmp_path / "nowhere"))
    assert missing.returncode == 1
    assert "There is no folder" in missing.stdout
    assert "Traceback" not in missing.stdout
    assert left_running(tmp_path) == []


def test_make_ingest_interrupted_stops_what_it_started(tmp_path: Path) -> None:
    controller, terminal = pty.openpty()
    process = subprocess.Popen(
        COMMAND, cwd=PROJECT, env=environment(tmp_path), stdin=terminal, stdout=terminal, stderr=terminal
    )
    os.close(terminal)
    said = b""
    # What it says first comes before the server answers, so the interrupt meets a stack that is half up.
    while b"Starting the Prefect server" not in said:
        said += os.read(controller, 1024)
    process.send_signal(signal.SIGINT)
    # A terminal that nobody reads would block the writer.
    threading.Thread(target=_drain, args=(controller,), daemon=True).start()
    assert process.wait(60) == 130
    assert left_running(tmp_path) == []


def _drain(terminal: int) -> None:
    try:
        while os.read(terminal, 1024):
            pass
    except OSError:
        pass
