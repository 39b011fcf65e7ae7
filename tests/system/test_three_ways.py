"""The stack of `make up`, used as people use it: from a terminal, by schedule, by event, late, again, and in the UI."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pty
import re
import shutil
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.tools.stack import PROJECT, RunningStack, environment, free_port, left_running

WAIT_S = 120


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "entrada é"
    path.mkdir()
    shutil.copy(PROJECT / "data/sample/movies.csv", path)
    return path


def api(stack: RunningStack, path: str, body: dict[str, Any] | None = None) -> Any:
    return _asked(stack, path, method="POST", json=body or {})


def get(stack: RunningStack, path: str) -> Any:
    return _asked(stack, path, method="GET")


def _asked(stack: RunningStack, path: str, **request: Any) -> Any:
    """Return the API's answer; while SQLite is locked it is 503, which Prefect's own client asks again."""

    def ask() -> httpx.Response | None:
        answer = httpx.request(url=f"{stack.api_url}{path}", auth=stack.auth, timeout=30, **request)
        return answer if answer.status_code != 503 else None

    return eventually(ask, f"an answer to {path}").raise_for_status().json()


def eventually(look: Callable[[], Any], what: str) -> Any:
    """Wait for something that another process does; only how long the test waits depends on the clock."""
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        if found := look():
            return found
        time.sleep(0.5)
    raise AssertionError(f"{what} did not happen in {WAIT_S} s")


def final_run(stack: RunningStack, run_id: str) -> dict[str, Any]:
    def look() -> Any:
        run = get(stack, f"/flow_runs/{run_id}")
        return run if run["state"]["type"] in {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"} else None

    found: dict[str, Any] = eventually(look, f"the end of run {run_id}")
    return found


def daily(stack: RunningStack) -> dict[str, Any]:
    found: dict[str, Any] = get(stack, "/deployments/name/ingest-raw/daily")
    return found


def test_deployments_have_schedule_zone_limit_parameters_and_loadable_entrypoint(stack: RunningStack) -> None:
    from prefect.utilities.importtools import import_object

    every = api(stack, "/deployments/filter")
    deployments = {one["name"]: one for one in every if one["entrypoint"] == "flows.ingest_raw.ingest_raw"}
    assert set(deployments) == {"daily", "docker"}
    for name, deployment in deployments.items():
        (schedule,) = deployment["schedules"]
        assert schedule["schedule"]["cron"] == "0 6 * * *"
        assert schedule["schedule"]["timezone"] == "America/Sao_Paulo"
        assert schedule["slug"] == f"{name}-at-six"
        assert schedule["active"] is (name == "daily")
        assert deployment["global_concurrency_limit"]["limit"] == 1
        assert deployment["concurrency_options"]["collision_strategy"] == "ENQUEUE"
        assert deployment["tags"] == ["lake", "raw"]
        assert deployment["version"] == "0.3.0"
        assert "raw layer" in deployment["description"]
        assert import_object(deployment["entrypoint"]).name == "ingest-raw"
        known = set(deployment["parameter_openapi_schema"]["properties"])
        assert set(deployment["parameters"]) <= known
    assert deployments["daily"]["work_pool_name"] == "lake-process"
    started = get(stack, "/work_pools/lake-process")["base_job_template"]["variables"]["properties"]["command"]
    assert started["default"] == f"{sys.executable} -m deployments.local.engine"
    assert deployments["daily"]["parameters"]["source"] == "data/sample"
    assert deployments["docker"]["pull_steps"] == []
    others = [one for one in every if one["entrypoint"] != "flows.ingest_raw.ingest_raw"]
    looking = {f"{import_object(one['entrypoint']).name}/{one['name']}": one for one in others}
    films = {name: looking.pop(name) for name in ("ingest-tmdb/weekly", "analyze-films/after-ingest")}
    assert [schedule["active"] for one in films.values() for schedule in one["schedules"]] == [False]
    assert set(looking) == {"backfill-raw/days", "verify-raw/weekly", "landing-calendar/noon", "copy-lake/nightly"}
    assert not looking.pop("backfill-raw/days")["schedules"]
    for name, one in looking.items():
        (schedule,) = one["schedules"]
        assert schedule["active"] is (name != "copy-lake/nightly")  # which needs a second lake
        assert schedule["schedule"]["timezone"] == "America/Sao_Paulo"
        assert set(one["parameters"]) <= set(one["parameter_openapi_schema"]["properties"])


def test_ui_is_told_the_api_of_its_own_port(stack: RunningStack) -> None:
    settings = httpx.get(f"{stack.ui_url}/ui-settings", timeout=30).json()
    assert settings["api_url"] == stack.api_url
    assert settings["default_ui"] == "v2"


def test_make_deploy_a_second_time_changes_nothing(stack: RunningStack) -> None:
    def state() -> Any:
        deployments = api(stack, "/deployments/filter")
        for deployment in deployments:
            for changing in ("updated", "last_polled", "status", "version_info", "version_id"):
                deployment.pop(changing, None)
            for part in (*deployment["schedules"], deployment["global_concurrency_limit"]):
                part.pop("updated", None)
                part.pop("active_slots", None)
        pools = [(pool["id"], pool["name"], pool["type"]) for pool in api(stack, "/work_pools/filter")]
        automations = [(one["id"], one["name"]) for one in api(stack, "/automations/filter")]
        return deployments, pools, automations

    def ids(of: Any) -> Any:
        return [(one["id"], one["name"], [part["id"] for part in one["schedules"]]) for one in of[0]], of[1]

    before = state()
    done = subprocess.run(
        [sys.executable, "-m", "deployments.deploy"],
        cwd=PROJECT,
        env=environment(stack.state, PREFECT_PROFILES_PATH=str(stack.state / ".prefect/stack.toml"))
        | {"PREFECT_API_KEY": ""},
        capture_output=True,
        text=True,
        check=True,
    )
    after = state()
    assert ids(after) == ids(before), done.stdout
    assert [name for _, name in after[2]] == [name for _, name in before[2]]
    for one, other in zip(before[0], after[0], strict=True):
        assert one["parameters"] == other["parameters"]
        assert [part["schedule"] for part in one["schedules"]] == [part["schedule"] for part in other["schedules"]]


def test_deployment_run_watched_in_a_terminal_lands_the_file_on_the_given_day(
    stack: RunningStack, folder: Path
) -> None:
    command = ["deployment", "run", "ingest-raw/daily", "-p", f"source={folder}", "-p", "partition_date=2024-02-29"]
    done = stack.prefect(*command, "--watch")
    assert "Completed" in done.stdout
    stored = stack.lake / "Raw/Local/CSV/Movies/2024/02/29/movies.csv"
    assert stored.read_bytes() == (folder / "movies.csv").read_bytes()
    assert "\x1b" not in done.stdout
    of_the_worker = "".join(stack.output)
    assert "Run 2024-02-29" in of_the_worker
    assert "RuntimeWarning" not in of_the_worker

    failed = stack.prefect("deployment", "run", "ingest-raw/daily", "-p", f"source={folder}/no", "--watch", check=False)
    assert failed.returncode == 1
    run_id = re.search(r"[0-9a-f]{8}-[0-9a-f-]{27}", failed.stdout)
    assert run_id
    eventually(
        lambda: "There is no folder" in stack.prefect("flow-run", "logs", run_id[0]).stdout, "the reason in the logs"
    )


def command_of(stack: RunningStack, name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run one of the project's commands on the stack, as `make` does."""
    return subprocess.run(
        [sys.executable, "-m", f"deployments.local.{name}", *arguments],
        cwd=PROJECT,
        env=environment(stack.state),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )


def test_make_run_shows_the_log_and_the_closing_table(stack: RunningStack, folder: Path) -> None:
    done = command_of(stack, "run", str(folder), "--partition-date", "2024-02-28")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "What became of each file" in done.stdout
    assert "Raw/Local/CSV/Movies/2024/02/28/movies.csv" in done.stdout
    assert "Completed: Landed in" in done.stdout
    assert "\x1b" not in done.stdout


def test_make_run_at_a_terminal_shows_the_files_and_the_closing_table(stack: RunningStack, folder: Path) -> None:
    controller, side = pty.openpty()
    fcntl.ioctl(side, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
    environ = environment(stack.state, TERM="xterm-256color", COLUMNS="", VERBOSE="")
    line = [sys.executable, "-m", "deployments.local.run", str(folder)]
    process = subprocess.Popen(line, cwd=PROJECT, env=environ, stdin=side, stdout=side, stderr=side)
    os.close(side)
    said = b""
    with contextlib.suppress(OSError):  # the terminal's other end is closed
        while chunk := os.read(controller, 65536):
            said += chunk
    text = said.decode()
    assert process.wait(60) == 0, text
    table, _, closing = text.rpartition("\x1b[?25h")
    assert re.search(r"movies\.csv +\S*(profile|upload|unchanged)", table)
    assert "1 file: " in table
    assert "What became of each file:" in closing
    assert "Bucket setting" not in text
    assert "Completed: Landed in" in closing


def test_make_promote_copies_the_lake_and_says_so(stack: RunningStack, folder: Path) -> None:
    stack.prefect(
        "deployment", "run", "ingest-raw/daily", "-p", f"source={folder}", "-p", "partition_date=2024-02-27", "--watch"
    )
    for said in (r"Completed: s3://\S+ to s3://second-lake, \S+ to \S+: [1-9]", ": 0 objects copied"):
        done = command_of(stack, "promote", "local-lake/second-lake")
        assert done.returncode == 0, done.stdout + done.stderr
        assert re.search(said, done.stdout), done.stdout
    copied = {path.relative_to(stack.lake) for path in (stack.lake / "Raw").rglob("*.csv")}
    assert copied
    second = stack.lake.parent / "second-lake"
    assert copied == {path.relative_to(second) for path in (second / "Raw").rglob("*.csv")}


def test_make_backfill_runs_the_days_in_order_as_runs_below_one(stack: RunningStack, folder: Path) -> None:
    for day in ("02-29", "03-02"):
        (folder / f"2024-{day}").mkdir()
        shutil.copy(folder / "movies.csv", folder / f"2024-{day}")
    done = subprocess.run(
        [sys.executable, "-m", "deployments.local.backfill", "2024-02-29", "2024-03-02", f"{folder}/%Y-%m-%d"],
        cwd=PROJECT,
        env=environment(stack.state),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    days = re.findall(r"(\d) of 3: (\S+) (Completed|no folder)", done.stdout)
    assert days == [
        ("1", "2024-02-29", "Completed"),
        ("2", "2024-03-01", "no folder"),
        ("3", "2024-03-02", "Completed"),
    ]
    (parent,) = set(re.findall(r"^Run (\S+): http\S+/v2/runs/flow-run/\1$", done.stdout, re.MULTILINE))
    below = re.findall(r"/v2/runs/flow-run/([0-9a-f-]{36})", done.stdout)
    assert len(set(below) - {parent}) == 2
    for day in ("2024/02/29", "2024/03/02"):
        assert (stack.lake / f"Raw/Local/CSV/Movies/{day}/movies.csv").exists()


def test_event_that_a_folder_is_ready_starts_a_run_on_it(stack: RunningStack, folder: Path) -> None:
    payload = json.dumps({"source": str(folder)})
    stack.prefect("event", "emit", "lake.folder.ready", "--resource-id", "lake.folder.in", "--payload", payload)

    def started() -> Any:
        runs = api(stack, "/flow_runs/filter", {"sort": "START_TIME_DESC"})
        return [run for run in runs if run["parameters"].get("source") == str(folder)]

    (run,) = eventually(started, "a run started by the event")
    assert final_run(stack, run["id"])["state"]["type"] == "COMPLETED"
    assert run["name"] != ""


def test_late_run_and_its_retry_write_to_the_day_of_the_scheduled_start_in_sao_paulo(
    stack: RunningStack, folder: Path
) -> None:
    # 02:30 UTC on 6 March is still 5 March in São Paulo.
    due = datetime(2024, 3, 6, 2, 30, tzinfo=UTC).isoformat()
    scheduled = {"type": "SCHEDULED", "state_details": {"scheduled_time": due}}
    hidden = folder.with_name("not there yet")
    folder.rename(hidden)
    run = api(
        stack,
        f"/deployments/{daily(stack)['id']}/create_flow_run",
        {"state": scheduled, "parameters": daily(stack)["parameters"] | {"source": str(folder)}},
    )
    failed = final_run(stack, run["id"])
    assert failed["state"]["type"] == "FAILED"
    assert "There is no folder" in failed["state"]["message"]
    assert failed["name"].startswith("2024-03-05 ")
    assert (stack.lake / "Logs/log-ingestao-20240305.txt").exists()

    hidden.rename(folder)
    again = {"type": "SCHEDULED", "name": "AwaitingRetry"}
    api(stack, f"/flow_runs/{run['id']}/set_state", {"state": again, "force": True})
    done = eventually(
        lambda: (now := get(stack, f"/flow_runs/{run['id']}"))["state"]["type"] == "COMPLETED" and now, "the retry"
    )
    assert done["run_count"] == 2
    assert (stack.lake / "Raw/Local/CSV/Movies/2024/03/05/movies.csv").exists()
    assert (stack.lake / f"Logs/log-ingestao-20240305-{run['id'][:8]}-2.txt").exists()


def test_taken_port_is_said_with_the_variable_that_changes_it(stack: RunningStack, tmp_path: Path) -> None:
    port = stack.ui_url.rsplit(":", 1)[-1]
    done = subprocess.run(
        [sys.executable, "-m", "deployments.local.up"],
        cwd=PROJECT,
        env=environment(tmp_path, UI_PORT=port, LAKE_PORT=str(free_port()), BROWSE_PORT=str(free_port())),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert f"Port {port}" in done.stderr
    assert "UI_PORT=" in done.stderr


def test_make_ingest_while_the_stack_is_up_uses_it(stack: RunningStack, folder: Path) -> None:
    def ingest(source: Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "deployments.local.ingest", str(source)],
            cwd=PROJECT,
            env=environment(stack.state),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    done = ingest(folder)
    assert done.returncode == 0, done.stdout
    assert "Starting the Prefect server" not in done.stdout
    missing = ingest(folder / "nowhere")
    assert missing.returncode == 1
    assert "There is no folder" in missing.stdout
    assert "Traceback" not in missing.stdout
    assert stack.process
    assert stack.process.poll() is None


def test_stack_interrupted_leaves_nothing_and_goes_on_with_its_history(stack: RunningStack) -> None:
    (before,) = api(stack, "/flow_runs/filter", {"sort": "END_TIME_DESC", "limit": 1})
    assert stack.interrupt() == 0, "".join(stack.output)
    assert left_running(stack.state) == []
    assert "\x1b" not in "".join(stack.output)

    stack.start()
    assert get(stack, f"/flow_runs/{before['id']}")["state"]["type"] == before["state"]["type"]
    # The deployment's own parameters are those of the first click on Run: the sample, and the lake with its new keys.
    given = {"parameters": daily(stack)["parameters"]}
    run = api(stack, f"/deployments/{daily(stack)['id']}/create_flow_run", given)
    assert final_run(stack, run["id"])["state"]["type"] == "COMPLETED"
