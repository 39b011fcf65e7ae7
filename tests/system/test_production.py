"""A year's bad days in two minutes: the Compose file's settings on a real PostgreSQL.

One story, told by a fixture, with a test for each thing that must be true of it: a worker is killed in mid-run, the
database and the server are restarted while another run is at work, the next day's run waits for its turn. Runs are held
in mid-upload by a gate in front of the store, not by sleeping.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.tools.fault_proxy import Fault, Request, fault_proxy
from tests.tools.postgres import postgres, programs
from tests.tools.production import PATIENCE_S, SECRETS, Stack, eventually, stack
from tests.tools.servers import S3Server
from tests.tools.webhook import receiver

pytestmark = pytest.mark.skipif(
    programs() is None, reason="there is no PostgreSQL server here: apt-get install postgresql"
)
BUCKET = "compass-desafio-final-dramance"
TOKEN = "marker-webhook-token"
DEPLOY = """
import sys
from datetime import timedelta
from prefect.blocks.notifications import CustomWebhookNotificationBlock
from blocks.register import main as register
from deployments import alerts, deploy

address, store, folder = ARGUMENTS
CustomWebhookNotificationBlock(
    name="team", url=address, json_data={"subject": "{{subject}}", "body": "{{body}}", "token": "{{token}}"},
    secrets={"token": "marker-webhook-token"},
).save("team")
code = register(["--name", "local-lake", "--overwrite", "--non-interactive", "--endpoint-url", store])
code = code or deploy.main(["--source", folder, "--notify", "custom-webhook/team"])
short = timedelta(seconds=10)
alerts.apply("custom-webhook/team", alerts.Times(dead=timedelta(seconds=60), late=short, missing=short, stuck=short))
sys.exit(code)
"""
MISS = """
from prefect.events import emit_event

emit_event(
    "ingest-raw.dataset-missing", {"prefect.resource.id": "lake.dataset.lake.series"},
    payload={"dataset": "Series", "bucket": "lake", "day": "2024-03-05", "last_landed": "2024-03-04"},
)
"""


class Gate:
    """Holds the requests of the store whose path has a word in it, until it is opened."""

    def __init__(self, word: str) -> None:
        self.word = word
        self.open = threading.Event()
        self.held = threading.Semaphore(0)

    def __call__(self, _: Any, request: Request) -> bool:
        if self.word in request.path and not self.open.is_set():
            self.held.release()
            self.open.wait(300)
        return False


@dataclass
class Story:
    """What happened."""

    stack: Stack
    lake: Path
    killed: str
    codes_by_hand: tuple[int, int]
    slots_after_the_kill: int
    slots_at_the_end: int
    notifications: list[dict[str, str]]

    def told(self, *words: str) -> list[dict[str, str]]:
        return [one for one in self.notifications if all(word in one["subject"] for word in words)]


def create_run(running: Stack, day: str) -> str:
    daily = running.api("/deployments/name/ingest-raw/daily")
    now = datetime.now(UTC).isoformat()
    scheduled = {"type": "SCHEDULED", "state_details": {"scheduled_time": now}}
    body = {"state": scheduled, "parameters": daily["parameters"] | {"partition_date": day}}
    return str(running.api(f"/deployments/{daily['id']}/create_flow_run", body)["id"])


def slots(running: Stack) -> int:
    return int(running.api("/deployments/name/ingest-raw/daily")["global_concurrency_limit"]["active_slots"])


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory, rclone: S3Server) -> Iterator[Story]:
    home = tmp_path_factory.mktemp("production")
    folder = home / "in"
    folder.mkdir()
    (folder / "orders.csv").write_text("id;name\n1;x\n2;y\n")
    by_hand, broken = home / "by-hand", home / "broken"
    by_hand.mkdir()
    (by_hand / "clients.csv").write_text("id;name\n1;x\n")
    broken.mkdir()
    (broken / "broken.csv").write_text("id;name\n1;x\n2;y;z\n3;y\n")
    first, log, tuesday = Gate("/Raw/"), Gate("/Logs/"), Gate("/2024/03/05/")
    with (
        postgres(SECRETS["LAKE_DB_PASSWORD"]) as database,
        stack(home, database.url(SECRETS["LAKE_DB_PASSWORD"])) as running,
        fault_proxy(rclone) as store,
        receiver() as (address, bodies),
    ):
        many = 1000
        store.add(Fault("PutObject", gates(first, log, tuesday), times=many))
        running.start_server()
        arguments = (address, store.server.endpoint_url, str(folder))
        running.run_setup(f"ARGUMENTS = {arguments!r}\n{DEPLOY}")

        def start_by_hand(folder: Path, day: str) -> Any:
            command = ["deployments.once", "--source", str(folder), "--credentials", "local-lake"]
            return running.start("worker", [*command, "--partition-date", day], folder.name)

        # A worker is killed, with everything on its machine, while its run uploads.
        running.start_worker("monday")
        killed = create_run(running, "2024-03-04")
        assert first.held.acquire(timeout=120)
        running.kill("monday")
        taken = slots(running)

        # Another run, by hand, is at work while the database restarts, and ends while the server is away.
        outlasting = start_by_hand(by_hand, "2024-03-06")
        assert first.held.acquire(timeout=120)
        database.stop()
        database.start()
        first.open.set()
        assert log.held.acquire(timeout=120)
        running.stop("server")
        log.open.set()
        running.start_server()

        # The next worker comes when people have been told that the day's run is late.
        held_back = create_run(running, "2024-03-05")
        failing = start_by_hand(broken, "2024-03-07")
        notifications: list[dict[str, str]] = []

        def told(*words: str) -> bool:
            notifications[:] = [json.loads(body) for body in bodies]
            return any(all(word in one["subject"] for word in words) for one in notifications)

        eventually(lambda: told("has not started"), "word of the late run")
        # A server learns of a new automation by NOTIFY, after its creation was answered, and does not look back at
        # earlier events. One that has told of something since it started has loaded them all.
        running.run_setup(MISS)
        running.start_worker("tuesday")
        codes = outlasting.wait(PATIENCE_S), failing.wait(PATIENCE_S)
        eventually(lambda: told("2024-03-07 broken", "Failed"), "word of the failed run")
        eventually(lambda: running.state(killed) == "CRASHED", "the end of the dead run")
        # This run is held while the server stays up: what was due during the restart may have been lost with it.
        eventually(lambda: told("ingest-raw/daily", "has not ended after"), "word of the stuck run")
        tuesday.open.set()
        eventually(lambda: running.state(held_back) == "COMPLETED", "the run that was held back")
        eventually(lambda: told("has completed no run for"), "word of the missing run")
        eventually(lambda: told("Series is missing"), "word of the missing dataset")
        yield Story(
            running,
            rclone.root / BUCKET,
            killed,
            codes,
            taken,
            slots(running),
            notifications,
        )


def gates(*several: Gate) -> Callable[[Any, Request], bool]:
    def act(handler: Any, request: Request) -> bool:
        return any(gate(handler, request) for gate in several)

    return act


def test_run_whose_worker_was_killed_ends_crashed_and_says_what_to_do(story: Story) -> None:
    state = story.stack.api(f"/flow_runs/{story.killed}")["state"]
    assert state["type"] == "CRASHED"
    assert "No sign of life" in state["message"]
    assert "Start the day's run again" in state["message"]


def test_dead_run_held_the_only_place_and_gave_it_back(story: Story) -> None:
    assert story.slots_after_the_kill == 1
    assert story.slots_at_the_end == 0


def test_run_held_back_by_a_dead_one_completes_its_day(story: Story) -> None:
    stored = story.lake / "Raw/Local/CSV/Orders/2024/03/05/orders.csv"
    assert stored.read_text() == "id;name\n1;x\n2;y\n"


def test_killed_days_run_started_again_completes_it(story: Story) -> None:
    again = create_run(story.stack, "2024-03-04")
    eventually(lambda: story.stack.state(again) == "COMPLETED", "the day's second run")
    assert (story.lake / "Raw/Local/CSV/Orders/2024/03/04/orders.csv").exists()


def test_run_survives_restarts_of_database_and_server_and_ends_as_its_files_did(story: Story) -> None:
    assert story.codes_by_hand == (0, 1)
    (run,) = story.stack.api("/flow_runs/filter", {"flow_runs": {"name": {"like_": "2024-03-06"}}})
    assert run["state"]["type"] == "COMPLETED"
    assert (story.lake / "Raw/Local/CSV/Clients/2024/03/06/clients.csv").exists()
    assert (story.lake / "Logs/log-ingestao-20240306.txt").exists()


def test_notification_of_a_failed_run_names_run_file_and_reason(story: Story) -> None:
    (told,) = story.told("2024-03-07 broken", "Failed")
    assert "broken.csv" in told["body"]
    assert "line 3: this row has 3 fields where 2 are expected" in told["body"]
    assert "http://127.0.0.1:4200" in told["body"]
    assert told["token"] == TOKEN


def test_notifications_tell_of_runs_that_are_late_stuck_and_missing_and_of_datasets(story: Story) -> None:
    assert story.told("ingest-raw/daily", "has not started")
    assert story.told("ingest-raw/daily", "has not ended after")
    assert story.told("ingest-raw/daily", "has completed no run for")
    (told,) = story.told("Series is missing on 2024-03-05")
    assert "It landed last on 2024-03-04" in told["body"]


def test_notifications_hold_no_secret(story: Story) -> None:
    text = json.dumps([{"subject": one["subject"], "body": one["body"]} for one in story.notifications])
    for secret in (*SECRETS.values(), *SECRETS["LAKE_API_AUTH"].split(":")[1:], TOKEN):
        assert secret not in text
