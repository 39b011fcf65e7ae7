"""docs/operations.md against the code: variables, alerts with their times, settings, and the lifecycle rules."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import Any

import boto3
import yaml
from botocore.validate import validate_parameters

from deployments import alerts, data_alerts
from deployments.local.folders import PROJECT

TEXT = (PROJECT / "docs/operations.md").read_text()
COMPOSE = (PROJECT / "deployments/compose.yaml").read_text()


def test_variables_that_the_compose_file_requires_are_those_that_the_page_makes() -> None:
    required = set(re.findall(r"\$\{(LAKE_\w+):\?", COMPOSE))
    made = set(re.findall(r"^(LAKE_\w+)=", TEXT, re.MULTILINE))
    assert made == required


def test_settings_that_the_page_explains_are_set_in_the_compose_file() -> None:
    services: dict[str, Any] = yaml.safe_load(COMPOSE)["services"]
    set_there = {name for service in services.values() for name in service.get("environment", {})}
    explained = set(re.findall(r"^\| `(PREFECT_\w+)", TEXT, re.MULTILINE))
    assert len(explained) >= 3
    assert explained <= set_there


def test_alerts_are_listed_by_their_names() -> None:
    listed = set(re.findall(r"^\| `(lake: [^`]+)`", TEXT, re.MULTILINE))
    of_runs = {alerts.DEAD, alerts.FAILED, alerts.LATE, alerts.MISSING, alerts.STUCK}
    assert listed == of_runs | {data_alerts.CHANGED, data_alerts.ABSENT}


def test_times_of_the_alerts_are_those_of_the_page() -> None:
    assert alerts.Times() == alerts.Times(
        dead=timedelta(minutes=10), late=timedelta(hours=2), missing=timedelta(hours=26), stuck=timedelta(hours=4)
    )
    for words in ("two hours", "26 hours", "four hours", "ten minutes"):
        assert words in TEXT


def test_lifecycle_rules_are_what_s3_takes() -> None:
    (rules,) = re.findall(r"```json\n(.*?)```", TEXT, re.DOTALL)
    model = boto3.client("s3", region_name="sa-east-1").meta.service_model
    shape = model.operation_model("PutBucketLifecycleConfiguration").input_shape
    validate_parameters({"Bucket": "lake", "LifecycleConfiguration": json.loads(rules)}, shape)


def test_image_is_built_under_the_name_that_the_deployments_use() -> None:
    assert "docker build --tag csv-to-raw-lake:" in TEXT
    assert "image: csv-to-raw-lake:" in (PROJECT / "prefect.yaml").read_text()
