"""What a contract means, its published schema, and its form in the open standard."""

from __future__ import annotations

import datetime as dt
import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from flows.lake.contracts import odcs
from flows.lake.contracts.changes import changes
from flows.lake.contracts.collection import load
from flows.lake.contracts.contract import json_schema

ROOT = Path(__file__).parents[3]
FULL: dict[str, Any] = {
    "description": "Orders of the web shop",
    "owner": "data-team@example.com",
    "files": ["orders_*.csv", "pedidos_*.csv"],
    "date": "_%Y-%m-%d",
    "read": {"delimiter": ";", "encoding": "cp1252", "decimal": ","},
    "expect": {"every": "weekdays", "since": "2024-01-01", "by": "08:00"},
    "on_drift": "reject",
    "columns": {"id": {"required": True}, "total": {"description": "Total with tax, in BRL"}},
    "tags": {"team": "analytics"},
}


def test_published_schema_equals_the_model() -> None:
    assert (ROOT / "docs/contract.schema.json").read_text() == json_schema()


SAMPLE = (ROOT / "datasets.yaml").read_text()


@pytest.mark.parametrize("text", [SAMPLE, yaml.safe_dump({"Orders": FULL, "Other": None})], ids=["sample", "full"])
def test_valid_contracts_are_valid_by_the_schema(text: str) -> None:
    as_json = json.loads(json.dumps(yaml.safe_load(text), default=str))
    jsonschema.validate(as_json, json.loads(json_schema()))


def test_schema_refuses_what_the_model_refuses() -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"Orders": {"fils": "x"}}, json.loads(json_schema()))


def test_expectation_is_a_rhythm_with_its_beginning_and_time() -> None:
    (contract,) = load({"Orders": FULL}).values()
    assert contract.expect
    rhythm = contract.expect.rhythm
    assert (rhythm.text, rhythm.since, rhythm.by) == ("weekdays", dt.date(2024, 1, 1), dt.time(8))


@pytest.mark.parametrize(
    ("before", "now", "told"),
    [
        ({}, {"description": "x", "owner": "y", "files": "a", "on_drift": "reject"}, []),
        ({}, {"columns": {"id": {"description": "x"}}}, []),
        ({}, {"columns": {"id": {"required": True}}}, ["columns.id"]),
        ({"read": {"delimiter": ";"}}, {"read": {"delimiter": ","}}, ["read.delimiter"]),
        ({"date": "%Y%m%d"}, {}, ["date"]),
    ],
)
def test_changes_are_those_that_read_a_file_in_another_way(before: Any, now: Any, told: list[str]) -> None:
    texts = [load({"A": contract, "B": {}})["A"].text for contract in (before, now)]
    assert changes(*texts) == told


def test_export_is_valid_by_the_published_schema_of_the_standard() -> None:
    schema = json.loads((files("open_data_contract_standard") / "schema.json").read_text())
    contracts = load({"Orders": FULL, "Bare": {}})
    documents = list(yaml.safe_load_all(odcs.to_yaml(contracts)))
    for document in documents:
        jsonschema.Draft201909Validator(schema).validate(document)
    orders, bare = documents
    assert [column["name"] for column in orders["schema"][0]["properties"]] == ["id", "total"]
    assert orders["schema"][0]["properties"][0]["required"] is True
    assert {custom["property"] for custom in orders["customProperties"]} == {"files", "date", "read", "onDrift", "tags"}
    assert (bare["name"], bare["kind"]) == ("Bare", "DataContract")
