"""deployments/compose.yaml against the schema of the Compose Specification, and against what it promises."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import yaml
from jsonschema.validators import validator_for

from deployments.local.folders import PROJECT

TEXT = (PROJECT / "deployments/compose.yaml").read_text()
SCHEMA = json.loads((PROJECT / "tests/data/compose-spec/compose-spec.json").read_text())
SERVICES: dict[str, Any] = yaml.safe_load(TEXT)["services"]


def errors(compose: Any) -> list[str]:
    found = validator_for(SCHEMA)(SCHEMA).iter_errors(compose)
    return [f"{'/'.join(map(str, error.absolute_path))}: {error.message}" for error in found]


def test_file_fits_the_compose_schema() -> None:
    assert errors(yaml.safe_load(TEXT)) == []


def test_schema_refuses_what_compose_does_not_know() -> None:
    broken = yaml.safe_load(TEXT)
    broken["services"]["worker"]["volume"] = ["x:/y"]
    assert "volume" in errors(broken)[0]


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_image_is_pinned_by_version(name: str) -> None:
    assert re.search(r":\d+\.\d+(\.\d+)?$", SERVICES[name]["image"])


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_secrets_come_from_the_environment_and_are_required(name: str) -> None:
    for variable, value in SERVICES[name].get("environment", {}).items():
        if re.search("PASSWORD|AUTH|KEY|CONNECTION_URL", variable):
            assert re.search(r"\$\{LAKE_\w+:\?", value), variable


@pytest.mark.parametrize("name", sorted(set(SERVICES) - {"setup"}))
def test_service_that_stays_has_a_health_check(name: str) -> None:
    assert SERVICES[name]["healthcheck"]["test"][0] == "CMD"


def test_services_start_in_the_order_of_health() -> None:
    def waits_for(name: str) -> dict[str, str]:
        return {other: how["condition"] for other, how in SERVICES[name].get("depends_on", {}).items()}

    assert waits_for("server") == {"database": "service_healthy"}
    assert waits_for("setup") == {"server": "service_healthy", "store": "service_healthy"}
    assert waits_for("worker") == {"setup": "service_completed_successfully", "server": "service_healthy"}


def test_worker_only_reads_the_volume_and_nothing_is_published_beyond_the_machine() -> None:
    assert SERVICES["worker"]["volumes"] == ["dl_volume:/datalake/raw/data:ro"]
    published = [port for service in SERVICES.values() for port in service.get("ports", ())]
    assert published == ["127.0.0.1:4200:4200"]


def test_services_are_the_ones_whose_commands_exist() -> None:
    from importlib.util import find_spec

    for module in re.findall(r"python -m ([\w.]+)", TEXT):
        assert find_spec(module)
