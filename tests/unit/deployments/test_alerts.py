"""The automations as they are sent to the server; that they act is shown in tests/system/test_production.py."""

from __future__ import annotations

import uuid
from datetime import timedelta
from importlib import import_module
from typing import Any

import yaml

from deployments import alerts, data_alerts
from deployments.local.folders import PROJECT

IDS = ["prefect.deployment.1"]


def notifications() -> dict[str, Any]:
    return {one.name: one for one in alerts.notifications(uuid.uuid4(), alerts.Times(), IDS)}


def test_every_flow_that_is_deployed_is_watched() -> None:
    deployed = set()
    for one in yaml.safe_load((PROJECT / "prefect.yaml").read_text())["deployments"]:
        module, _, function = one["entrypoint"].rpartition(".")
        deployed.add(getattr(import_module(module), function).name)
    assert deployed <= set(alerts.FLOWS)
    assert alerts.DAILY in deployed


def test_event_of_a_missing_dataset_is_the_one_that_the_calendar_emits() -> None:
    from flows.ui.events import DATASET_MISSING

    assert notifications()[data_alerts.ABSENT].trigger.expect == {DATASET_MISSING}


def test_run_due_at_six_is_reported_late_at_eight() -> None:
    assert notifications()[alerts.LATE].trigger.within == timedelta(hours=2)


def test_only_deployments_of_the_daily_flow_can_be_missing() -> None:
    trigger = notifications()[alerts.MISSING].trigger
    assert trigger.match_related["prefect.resource.id"] == IDS
    assert trigger.within == timedelta(hours=26)


def test_dead_run_is_crashed_sooner_than_it_counts_as_stuck_and_later_than_two_missed_heartbeats() -> None:
    from prefect.settings import get_current_settings

    times = alerts.Times()
    heartbeat = timedelta(seconds=get_current_settings().flows.heartbeat_frequency or 0)
    assert 2 * heartbeat < times.dead < times.stuck
