"""The automations that tell people about the data, from a run's event to the request that a person's chat gets."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
import yaml

from deployments import alerts
from deployments.data_alerts import ABSENT, CHANGED, data_notifications
from deployments.stack import PROJECT
from tests.conftest import S3
from tests.flows.conftest import store_block


@contextmanager
def receiver() -> Iterator[tuple[str, list[dict[str, str]]]]:
    """Run an HTTP server that takes notifications; yields its address and what it got."""
    got: list[dict[str, str]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/hook", got
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize("s3", ["rclone"], indirect=True)
def test_data_notifications_tell_of_a_changed_file_and_of_a_missing_dataset(
    ingest: Any, s3: S3, tmp_path: Path
) -> None:
    from prefect import get_client
    from prefect.blocks.notifications import CustomWebhookNotificationBlock
    from prefect.events.actions import SendNotification

    from flows.landing_calendar import landing_calendar

    with receiver() as (address, got), get_client(sync_client=True) as client:
        message = {"subject": "{{subject}}", "body": "{{body}}"}
        CustomWebhookNotificationBlock(name="team", url=address, json_data=message).save("team", overwrite=True)
        block = client.read_block_document_by_name("team", "custom-webhook")

        def tell(subject: str, body: str) -> list[Any]:
            return [SendNotification(block_document_id=block.id, subject=subject, body=body)]

        for automation in data_notifications(tell):
            client.create_automation(automation)
        (tmp_path / "f.csv").write_text("a,b\n1,2\n")
        ingest(tmp_path, partition_date=date(2024, 3, 4))
        (tmp_path / "f.csv").write_text("a\n1\n")
        ingest(tmp_path, partition_date=date(2024, 3, 5))
        landing_calendar(
            bucket=s3.bucket,
            credentials=store_block("alerts-rclone", s3),
            expected=["F", "Orders"],
            end_date=date(2024, 3, 5),
            return_state=True,
        )
        deadline = time.monotonic() + 90
        while len(got) < 2 and time.monotonic() < deadline:
            time.sleep(0.2)
    told = {one["subject"]: one["body"] for one in got}
    assert set(told) == {"F has changed", "Orders is missing on 2024-03-05"}
    assert "f.csv: column 'b' is gone" in told["F has changed"]
    assert s3.bucket in told["Orders is missing on 2024-03-05"]


def test_make_deploy_with_a_notification_block_creates_them() -> None:
    names = [one.name for one in alerts.notifications(uuid4(), alerts.Times(), [])]
    assert {CHANGED, ABSENT} <= set(names)


def test_weekly_deployment_is_not_missed_every_day() -> None:
    stated = yaml.safe_load((PROJECT / "prefect.yaml").read_text())["deployments"]
    schedule = SimpleNamespace(active=True)
    known = [
        SimpleNamespace(id=one["entrypoint"], name=one["name"], tags=one["tags"], paused=False, schedules=[schedule])
        for one in stated
    ]
    client = SimpleNamespace(read_deployments=lambda: known)
    missed = alerts._scheduled_deployments(client)
    assert "prefect.deployment.flows.landing_calendar.landing_calendar" in missed
    assert "prefect.deployment.flows.verify_raw.verify_raw" not in missed
