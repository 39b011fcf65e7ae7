"""What Prefect's run form can know of the flow's parameters, and whether the README says the same."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Any

import pytest
from prefect.utilities.callables import parameter_schema

from flows.backfill_raw import backfill_raw
from flows.ingest_raw import ingest_raw
from flows.lake.s3.storage_rules import STORAGE_CLASSES
from flows.landing_calendar import landing_calendar
from flows.verify_raw import verify_raw

README = Path(__file__).parents[3] / "README.md"
SCHEMA = parameter_schema(ingest_raw.fn)
BOUNDED = {"pattern", "bucket", "credentials", "timezone"}
"""Texts that may not be empty; the others are folders, dates, mappings or switches, which a type bounds."""


@pytest.mark.parametrize("name", SCHEMA.properties)
def test_parameter_has_title_description_and_default(name: str) -> None:
    shown = SCHEMA.properties[name]
    assert shown["title"]
    assert re.match(r"[A-Z].*\.$", shown["description"], re.DOTALL), shown
    assert "default" in shown


@pytest.mark.parametrize("name", SCHEMA.properties)
def test_parameter_is_of_a_type_that_the_run_form_shows(name: str) -> None:
    shown: dict[str, Any] = SCHEMA.properties[name]
    choices = shown.get("anyOf", [shown])
    for choice in choices:
        plain = choice.get("type") in {"string", "boolean", "integer", "number", "null"}
        text_to_text = choice.get("type") == "object" and choice["additionalProperties"] == {"type": "string"}
        contracts = name == "contracts" and choice.get("type") == "object"
        list_of_text = choice.get("type") == "array" and choice["items"] == {"type": "string"}
        assert plain or text_to_text or list_of_text or contracts or "enum" in choice, choice


@pytest.mark.parametrize("name", sorted(BOUNDED))
def test_parameter_that_may_not_be_empty_has_its_bounds(name: str) -> None:
    assert SCHEMA.properties[name]["minLength"] >= 1
    assert SCHEMA.properties[name]["maxLength"] <= 255


def test_storage_classes_of_the_form_are_those_that_are_checked() -> None:
    assert tuple(SCHEMA.properties["storage_class"]["enum"]) == STORAGE_CLASSES


def test_every_number_has_both_bounds() -> None:
    for name, shown in SCHEMA.properties.items():
        if shown.get("type") in {"integer", "number"}:
            assert {"minimum", "maximum"} <= set(shown), name


def test_readme_table_lists_every_parameter_with_its_default() -> None:
    found = re.findall(r"^\| `(\w+)` \|(.*?)\|", README.read_text(), re.MULTILINE)
    rows = {name: default.strip() for name, default in found}
    defaults = {
        name: "" if shown["default"] in (None, "") else f"`{shown['default']}`"
        for name, shown in SCHEMA.properties.items()
    }
    assert {name: rows.get(name) for name in defaults} == defaults


@pytest.mark.parametrize("flow", [verify_raw, landing_calendar], ids=lambda flow: flow.name)
def test_parameters_of_the_flows_that_only_look_are_described_and_bounded(flow: Any) -> None:
    for name, shown in parameter_schema(flow.fn).properties.items():
        assert re.match(r"[A-Z].*\.$", shown["description"], re.DOTALL), name
        assert "default" in shown
        if shown.get("type") in {"integer", "number"}:
            assert {"minimum", "maximum"} <= set(shown), name
        if name in BOUNDED:
            assert shown["minLength"] >= 1


def test_settings_have_each_parameter_of_the_flow_and_the_tests_its_defaults() -> None:
    from flows.lake.settings import IngestSettings
    from tests.tools.rules import DEFAULTS

    signature = inspect.signature(ingest_raw.fn).parameters
    assert set(IngestSettings.model_fields) == set(signature)
    assert {name: one.default for name, one in signature.items()} == DEFAULTS


@pytest.mark.parametrize(
    ("source", "taken"),
    [
        ("data/sample", True),
        ("/data/a@b/x?key=1", True),
        ("s3://landing/orders", True),
        ("https://a.example/x_%Y%m.csv?ano=2024&mes=3", True),
        ("https://a.example/x.csv\nhttps://a.example/@y.csv", True),
        ("https://ana:s3cr3t@a.example/x.csv", False),
        ("https:/ana@a.example/x.csv", False),
        ("https://a.example/x.csv\nHTTPS://ana:s3cr3t@a.example/y.csv", False),
        ("https://a.example/x.csv?sv=1&sig=s3cr3t", False),
        ("https://a.example/x.csv?X-Amz-Signature=s3cr3t", False),
        ('["https://a.example/x.csv?access_token=s3cr3t"]', False),
        ("https://a.example/x.csv?TOKEN=s3cr3t", False),
        ("https://a.example/x.csv?chave=s3cr3t", False),
        ("https://a.example/x.csv?ano=2024&senha=s3cr3t", False),
        ("https://a.example/x.csv?subscription-key=s3cr3t", False),
        ("https://a.example/x.csv;jsessionid=s3cr3t", False),
        ("https://a.example/x.csv#access_token=s3cr3t", False),
        ("https://a.example/x.csv?palavra_chave=saude&monkey=1#senhas.csv", True),
    ],
)
def test_a_server_does_not_store_an_address_with_a_credential(source: str, taken: bool) -> None:
    from jsonschema import Draft202012Validator

    for flow in (ingest_raw, backfill_raw):
        schema = parameter_schema(flow.fn).properties["source"]
        assert Draft202012Validator(schema).is_valid(source) is taken
