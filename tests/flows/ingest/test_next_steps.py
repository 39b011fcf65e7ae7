"""Files whose names differ in a day, and what a run says that a person will want to do, in real runs."""

from __future__ import annotations

import uuid
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from prefect.client.orchestration import get_client

from flows.ingest import standing
from flows.lake.contracts.collection import load
from tests.conftest import S3
from tests.flows.conftest import log_of, objects
from tests.flows.ingest.test_manifest import manifests_of, on_rclone

DAY = date(2024, 3, 5)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    for day in (1, 2, 3):
        (tmp_path / f"in/orders_2024-02-0{day}.csv").write_text(f"id,x\n{day},2\n")
    return tmp_path / "in"


@on_rclone
def test_ingest_tells_the_contract_and_group_auto_takes_it(ingest: Any, s3: S3, folder: Path) -> None:
    off = ingest(folder, partition_date=DAY, contracts="").result()
    (step,) = off.steps
    assert (step.kind, step.dataset) == ("group", "Orders")
    assert load(step.snippet)["Orders"].date == "%Y-%m-%d"
    assert "3 files differ in a date or a number alone" in log_of(s3)
    (manifest,) = manifests_of(s3).values()
    assert [(one.kind, one.snippet) for one in manifest.next_steps or ()] == [("group", step.snippet)]
    assert "3 files differ in a date" in page_of(s3)

    auto = ingest(folder, partition_date=DAY, contracts="", group="auto").result()
    assert auto.steps == ()
    for number in (1, 2, 3):
        assert f"Raw/Local/CSV/Orders/2024/02/0{number}/orders_2024-02-0{number}.csv" in objects(s3)
    again = ingest(folder, partition_date=DAY, contracts="", group="auto").result()
    assert {outcome.state for outcome in again.outcomes} == {"unchanged"}
    assert "3 files differ in a date" not in page_of(s3), again.steps


def page_of(s3: S3) -> str:
    page: bytes = s3.client().get_object(Bucket=s3.bucket, Key="Catalog/index.html")["Body"].read()
    return page.decode()


@on_rclone
def test_dry_run_tells_it_too(ingest: Any, s3: S3, folder: Path) -> None:
    summary = ingest(folder, partition_date=DAY, contracts="", dry_run=True).result()
    assert [step.kind for step in summary.steps] == ["group"]


@on_rclone
def test_run_of_a_deployment_says_that_nobody_is_told_and_that_keys_end(
    ingest: Any, s3: S3, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with get_client(sync_client=True) as client:
        flow_id = client.create_flow_from_name(f"f-{uuid.uuid4()}")
        deployment_id = client.create_deployment(flow_id, "d")
        client.create_flow_run_from_deployment(deployment_id, state=_scheduled(datetime.now(UTC) + timedelta(hours=8)))
    monkeypatch.setenv("PREFECT__RUNTIME__DEPLOYMENT__ID", str(deployment_id))
    monkeypatch.setattr(standing, "_end_of_keys", lambda _: datetime.now(UTC) + timedelta(hours=4))
    steps = ingest(folder, partition_date=DAY, contracts="", group="auto").result().steps
    assert [step.kind for step in steps] == ["expiry", "notification"]
    monkeypatch.setattr(standing, "_end_of_keys", lambda _: datetime.now(UTC) + timedelta(hours=12))
    again = ingest(folder, partition_date=DAY, contracts="", group="auto").result()
    assert [step.kind for step in again.steps] == ["notification"]


def _scheduled(at: datetime) -> Any:
    from prefect.states import Scheduled

    return Scheduled(scheduled_time=at)
