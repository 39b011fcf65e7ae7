"""The deployments of the analysis, switched on: a run of ingest-raw that lands Movies starts analyze-films."""

from __future__ import annotations

import subprocess
import sys
import time
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from deployments import work_pools
from tests.conftest import S3
from tests.flows.conftest import event_of

PROJECT = Path(__file__).parents[3]
SAMPLE = PROJECT / "data/films"
NAMES = ("ingest-tmdb/weekly", "analyze-films/after-ingest")
DAY = date(2026, 11, 28)

pytestmark = pytest.mark.parametrize("s3", ["moto"], indirect=True)


@pytest.fixture(scope="module")
def switched_on(prefect_harness: None, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Deploy both as prefect.yaml has them, but switched on."""
    given = yaml.safe_load((PROJECT / "prefect.yaml").read_text())
    chosen = [one for one in given["deployments"] if one["entrypoint"].rpartition(".")[2] in _flows()]
    for one in chosen:
        for trigger in one.get("triggers", ()):
            assert trigger["enabled"] is False  # the packages are not installed everywhere
            trigger["enabled"] = True
        for schedule in one.get("schedules", ()):
            assert schedule["active"] is False
            schedule["active"] = True
    file = tmp_path_factory.mktemp("deploy") / "prefect.yaml"
    file.write_text(yaml.safe_dump(given | {"deployments": chosen}))
    work_pools.create_missing({"lake-process"})
    command = [sys.executable, "-m", "prefect", "--no-prompt", "deploy", "--all", "--prefect-file", str(file)]
    from prefect.settings import get_current_settings

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PREFECT_API_URL", str(get_current_settings().api.url))
        done = subprocess.run(command, cwd=PROJECT, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def _flows() -> set[str]:
    return {name.partition("/")[0].replace("-", "_") for name in NAMES}


def runs_of(name: str) -> list[Any]:
    """Return the runs of a deployment, once there are any."""
    from prefect import get_client
    from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterId

    with get_client(sync_client=True) as client:
        one = DeploymentFilter(id=DeploymentFilterId(any_=[client.read_deployment_by_name(name).id]))
        deadline = time.monotonic() + 90
        while not (found := client.read_flow_runs(deployment_filter=one)) and time.monotonic() < deadline:
            time.sleep(0.3)
    return list(found)


def test_completed_run_that_lands_movies_starts_the_analysis_of_its_bucket_and_day(
    switched_on: None, ingest: Any, s3: S3, tmp_path: Path
) -> None:
    from flows.analyze_films import analyze_films

    (tmp_path / "orders.csv").write_text("a,b\n1,2\n")
    others = ingest(tmp_path, partition_date=DAY)
    assert (
        event_of(str(others.state_details.flow_run_id), "ingest-raw.dataset-landed")["payload"]["dataset"] == "Orders"
    )
    (tmp_path / "broken.csv").write_bytes(bytes(range(256)) * 20)
    (tmp_path / "movies.csv").write_bytes((SAMPLE / "movies.csv").read_bytes())
    assert ingest(tmp_path, partition_date=DAY, unreadable="leave").is_failed()
    assert ingest(SAMPLE, partition_date=DAY, dry_run=True).is_completed()
    landed = ingest(SAMPLE, partition_date=DAY)
    assert landed.is_completed()
    event = event_of(str(landed.state_details.flow_run_id), "ingest-raw.dataset-landed")
    assert event["payload"]["keys"] == ["Raw/Local/CSV/Movies/2026/11/28/movies.csv"]
    (run,) = runs_of("analyze-films/after-ingest")
    assert run.parameters["bucket"] == s3.bucket
    assert run.parameters["partition_date"] == "2026-11-28"
    state = analyze_films(**run.parameters, return_state=True)
    assert state.is_completed(), state.message


def test_schedule_of_ingest_tmdb_that_is_switched_on_has_what_the_flow_needs(switched_on: None, s3: S3) -> None:
    from prefect import get_client

    from flows.ingest_tmdb import ingest_tmdb

    with get_client(sync_client=True) as client:
        deployment = client.read_deployment_by_name("ingest-tmdb/weekly")
    (schedule,) = deployment.schedules
    assert schedule.active
    assert schedule.schedule.cron == "0 8 * * 1"
    assert ingest_tmdb.validate_parameters(deployment.parameters)["tmdb"] == "tmdb"
