"""The flow's parameters as Prefect's run form and the README show them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest
from prefect.utilities.callables import parameter_schema

from flows.ingest_raw import ingest_raw
from flows.lake.storage_rules import STORAGE_CLASSES

README = Path(__file__).parents[2] / "README.md"


@pytest.fixture(scope="module")
def parameters() -> dict[str, Any]:
    return parameter_schema(ingest_raw.fn).properties


def test_parameters_each_has_a_description_and_a_default_that_a_form_can_show(parameters: dict[str, Any]) -> None:
    for name, shown in parameters.items():
        assert shown["description"].endswith("."), name
        assert "default" in shown or shown.get("anyOf"), name
        types = [shown, *shown.get("anyOf", ())]
        assert {one["type"] for one in types if "type" in one} <= {"string", "boolean", "integer", "object", "null"}


def test_parameters_text_has_its_bounds_in_the_schema(parameters: dict[str, Any]) -> None:
    bounded = {name for name, shown in parameters.items() if "maxLength" in shown}
    texts = {name for name, shown in parameters.items() if shown.get("type") == "string" and "enum" not in shown}
    assert texts - {"source"} == bounded


def test_parameters_storage_classes_are_those_that_are_checked(parameters: dict[str, Any]) -> None:
    assert tuple(parameters["storage_class"]["enum"]) == STORAGE_CLASSES
    assert get_args(get_type_hints(ingest_raw.fn)["storage_class"]) == STORAGE_CLASSES


def test_parameters_table_in_the_readme_lists_each_with_its_default(parameters: dict[str, Any]) -> None:
    section = README.read_text(encoding="utf-8").partition("## Parameters")[2].partition("\n## ")[0]
    rows = dict(re.findall(r"^\| `(\w+)` \|(.*?)\|", section, flags=re.MULTILINE))
    assert list(rows) == list(parameters)
    for name, default in rows.items():
        shown = parameters[name].get("default")
        assert default.strip(" `") == ("" if shown in (None, "") else str(shown))
