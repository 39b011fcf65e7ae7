"""A second deploy keeps what an operator changed on the server: parameters, schedules, job variables."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import DeploymentScheduleCreate, DeploymentUpdate
from prefect.client.schemas.schedules import CronSchedule

from deployments import deploy, kept, work_pools

DAILY = "ingest-raw/daily"


@pytest.fixture(scope="module", autouse=True)
def deployed(prefect_harness: None) -> Iterator[None]:
    from prefect.settings import get_current_settings

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PREFECT_API_URL", str(get_current_settings().api.url))  # for the command that deploys
        work_pools.create_missing(deploy.pools())
        deploy.deploy_all()
        yield


@pytest.fixture
def operate() -> Callable[[Callable[[SyncPrefectClient, Any], object]], dict[str, Any]]:
    """Do something to the daily deployment, deploy again, and return what it is set to then."""

    def run(change: Callable[[SyncPrefectClient, Any], object]) -> dict[str, Any]:
        with get_client(sync_client=True) as client:
            change(client, client.read_deployment_by_name(DAILY))
        changed = kept.read_all()[DAILY]
        assert DAILY in deploy.deploy_all()[1]
        after = kept.read_all()[DAILY]
        assert after == changed
        return after

    return run


def test_second_deploy_keeps_parameters_that_were_changed_and_added(operate: Callable[..., dict[str, Any]]) -> None:
    deploy.set_parameters({"bucket": "my-lake", "source": "/data/in", "credentials": "aws-lake"})
    after = operate(lambda *_: deploy.set_parameters({"reread": True}))
    assert after["parameters"]["bucket"] == "my-lake"
    assert after["parameters"]["source"] == "/data/in"
    assert after["parameters"]["reread"] is True


def test_second_deploy_keeps_job_variables(operate: Callable[..., dict[str, Any]]) -> None:
    def change(client: SyncPrefectClient, daily: Any) -> None:
        client.update_deployment(daily.id, DeploymentUpdate(job_variables={"env": {"MALLOC_ARENA_MAX": "2"}}))

    assert operate(change)["job_variables"] == {"env": {"MALLOC_ARENA_MAX": "2"}}


def test_second_deploy_keeps_a_schedule_off_and_another_time_and_one_more(
    operate: Callable[..., dict[str, Any]],
) -> None:
    def switch_off(client: SyncPrefectClient, daily: Any) -> None:
        client.update_deployment_schedule(daily.id, daily.schedules[0].id, active=False)

    def move_and_add(client: SyncPrefectClient, daily: Any) -> None:
        at_four = CronSchedule(cron="0 4 * * *", timezone="UTC")
        client.update_deployment_schedule(daily.id, daily.schedules[0].id, active=True, schedule=at_four)
        more = DeploymentScheduleCreate(schedule=CronSchedule(cron="0 20 * * *", timezone="UTC"), slug="evening")
        client.create_deployment_schedules(daily.id, [more])

    (off,) = operate(switch_off)["schedules"].values()
    assert off["active"] is False
    after = operate(move_and_add)["schedules"]
    assert after["daily-at-six"]["schedule"]["cron"] == "0 4 * * *"
    assert after["evening"]["schedule"]["cron"] == "0 20 * * *"


def test_second_deploy_does_not_bring_back_a_schedule_that_was_deleted(operate: Callable[..., dict[str, Any]]) -> None:
    def delete(client: SyncPrefectClient, daily: Any) -> None:
        for schedule in daily.schedules:
            client.delete_deployment_schedule(daily.id, schedule.id)

    assert operate(delete)["schedules"] == {}


def test_deploy_on_a_server_that_remembers_nothing_keeps_what_differs(operate: Callable[..., dict[str, Any]]) -> None:
    def forget(client: SyncPrefectClient, _: Any) -> None:
        client.delete_variable_by_name(kept._variable(DAILY))
        deploy.set_parameters({"bucket": "of-an-older-version"})

    assert operate(forget)["parameters"]["bucket"] == "of-an-older-version"


def test_only_what_is_configured_is_deployed() -> None:
    assert "ingest-raw/ecs" not in kept.read_all()
    with get_client(sync_client=True) as client:
        assert "lake-ecs" not in {pool.name for pool in client.read_work_pools()}
