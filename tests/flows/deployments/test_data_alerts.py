"""The automations that tell people about the data, from a run's event to the request that a person's chat gets."""

from __future__ import annotations

import json
import time
from datetime import date
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from deployments import alerts
from deployments.data_alerts import ABSENT, CHANGED, data_notifications
from tests.conftest import S3
from tests.flows.conftest import store_block
from tests.tools.webhook import receiver


@pytest.mark.parametrize("s3", ["rclone"], indirect=True)
def test_data_notifications_tell_of_a_changed_file_and_of_a_missing_dataset(
    ingest: Any, s3: S3, tmp_path: Path
) -> None:
    from prefect import get_client
    from prefect.blocks.notifications import CustomWebhookNotificationBlock
    from prefect.events.actions import SendNotification

    from flows.landing_calendar import landing_calendar

    with receiver() as (address, bodies), get_client(sync_client=True) as client:
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
            expected={"F": "daily", "Orders": "daily since 2024-03-01", "New": "daily"},
            end_date=date(2024, 3, 5),
            return_state=True,
        )
        deadline = time.monotonic() + 90
        while len(bodies) < 2 and time.monotonic() < deadline:
            time.sleep(0.2)
    told = {one["subject"]: one["body"] for one in map(json.loads, bodies)}
    assert set(told) == {"F has changed", "Orders is missing on 2024-03-05"}
    assert "f.csv: column 'b' is gone" in told["F has changed"]
    assert s3.bucket in told["Orders is missing on 2024-03-05"]


def test_make_deploy_with_a_notification_block_creates_them() -> None:
    names = [one.name for one in alerts.notifications(uuid4(), alerts.Times(), [])]
    assert {CHANGED, ABSENT} <= set(names)
