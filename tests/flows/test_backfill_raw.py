"""A backfill: days in their order, each a run of its own, compared with the day before it, interrupted and resumed."""

from __future__ import annotations

import _thread
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from flows.backfill_raw import backfill_raw
from flows.lake.manifests.manifest import from_json
from tests.conftest import S3
from tests.flows.conftest import artifacts_of, objects, store_block
from tests.tools.fault_proxy import Fault, Request, fault_proxy

FIRST, LAST = date(2024, 2, 28), date(2024, 3, 2)
DAYS = ["2024-02-28", "2024-02-29", "2024-03-01", "2024-03-02"]
on_rclone = pytest.mark.parametrize("s3", ["rclone"], indirect=True)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A folder for each day; the third day's file has a column more."""
    for number, day in enumerate(DAYS):
        (tmp_path / day).mkdir()
        columns = "id,total" if number < 2 else "id,total,discount"
        (tmp_path / day / "orders.csv").write_text(f"{columns}\n{number}{',1' * columns.count(',')}\n")
    return tmp_path


@pytest.fixture
def backfill(s3: S3, source: Path) -> Callable[..., Any]:
    block = store_block(f"backfill-{s3.server.name}", s3)

    def run(**more: Any) -> Any:
        parameters = {"bucket": s3.bucket, "credentials": block} | more
        given = {"source": f"{source}/%Y-%m-%d", "like": "", "parameters": parameters}
        return backfill_raw(FIRST, LAST, **given, return_state=True)

    return run


def manifests(s3: S3) -> list[Any]:
    """Return the manifests in the order in which they were begun."""
    return sorted((from_json(text) for text in objects(s3, "Manifests/").values()), key=lambda one: one.started)


def days_run(state: Any) -> list[str]:
    """Return the days of the runs below a run, in the order of their starts."""
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterParentFlowRunId

    with get_client(sync_client=True) as client:
        below = FlowRunFilterParentFlowRunId(any_=[state.state_details.flow_run_id])
        runs = client.read_flow_runs(flow_run_filter=FlowRunFilter(parent_flow_run_id=below))
    return [str(run.parameters["partition_date"])[:10] for run in sorted(runs, key=lambda run: run.start_time)]


@on_rclone
def test_backfill_runs_days_in_order_and_compares_each_with_the_day_before(
    backfill: Callable[..., Any], s3: S3
) -> None:
    state = backfill()
    assert state.is_completed(), state.message
    assert state.message == "4 days: 4 Completed."
    assert days_run(state) == DAYS
    made = manifests(s3)
    assert [str(one.logical_date) for one in made] == DAYS
    assert [bool(file.drift) for one in made for file in one.files] == [False, False, True, False]
    kinds = {one.type: one.data for one in artifacts_of(str(state.state_details.flow_run_id))}
    assert kinds["progress"] == 100.0
    assert "| 2024-03-02 | Completed |" in kinds["markdown"]


@on_rclone
def test_backfill_of_an_old_day_is_not_compared_with_later_ones(
    backfill: Callable[..., Any], s3: S3, source: Path
) -> None:
    from flows.ingest_raw import ingest_raw

    block = store_block("backfill-later", s3)
    ingest_raw(source=source / DAYS[-1], bucket=s3.bucket, credentials=block, partition_date=date(2024, 4, 1))
    assert backfill().is_completed()
    assert [bool(file.drift) for one in manifests(s3)[1:3] for file in one.files] == [False, False]


@on_rclone
def test_backfill_day_without_a_folder_is_passed_over_and_a_bad_day_keeps_no_other_from_running(
    backfill: Callable[..., Any], s3: S3, source: Path
) -> None:
    (source / DAYS[0] / "orders.csv").unlink()
    (source / DAYS[0]).rmdir()
    (source / DAYS[1] / "orders.csv").write_bytes(b"a\n\x00\x01\x02")
    state = backfill()
    assert state.is_failed()
    assert state.message.startswith("4 days: 1 no folder, 1 Failed, 2 Completed. Failed: 2024-02-29; ")
    assert len(objects(s3, "Raw/")) == 2


@on_rclone
def test_backfill_ends_where_every_day_fails_for_one_reason(backfill: Callable[..., Any]) -> None:
    state = backfill(credentials="no-such-block")
    assert state.is_failed()
    assert "3 days: 3 Failed." in state.message
    assert "1 more were left" in state.message


@on_rclone
def test_backfill_that_was_interrupted_goes_on_where_it_ended(
    backfill: Callable[..., Any], s3: S3, source: Path
) -> None:
    def interrupt(_: Any, request: Request) -> bool:
        if "/Raw/" in request.path and "/2024/03/01/" in request.path:
            time.sleep(1.0)  # until the main thread does nothing but wait
            _thread.interrupt_main()
            time.sleep(1.0)
        return False

    with fault_proxy(s3.server) as proxy:
        block = store_block(f"backfill-{s3.server.name}", S3(proxy.server, s3.bucket))
        proxy.add(Fault("PutObject", interrupt, times=100))
        with pytest.raises(KeyboardInterrupt):
            backfill(credentials=block)
    store_block(f"backfill-{s3.server.name}", s3)
    state = backfill()
    assert state.is_completed(), state.message
    assert state.message == "4 days: 2 done before, 2 Completed."
    assert days_run(state) == DAYS[2:]
    assert len(objects(s3, "Raw/")) == 4
    assert days_run(backfill()) == DAYS  # the one before came through: all days are looked at again


@pytest.mark.parametrize(
    ("first", "last", "why"),
    [(LAST, FIRST, "ends (2024-02-28) before it begins"), (date(1900, 1, 1), LAST, "more than 3,660 days")],
)
def test_backfill_of_a_wrong_range_says_so(first: date, last: date, why: str) -> None:
    state = backfill_raw(first, last, like="", return_state=True)
    assert state.is_failed()
    assert why in state.message
