"""Documents from outside: any bytes give a value or a clear error, and nothing else."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from flows.lake.contracts.documents import parse
from flows.lake.errors import ContractInvalid

texts = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S", "Zs")), max_size=12)
values = st.recursive(texts, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3))


@given(st.binary(max_size=200))
def test_any_bytes_give_a_value_or_a_clear_error(data: bytes) -> None:
    with contextlib.suppress(ContractInvalid):
        assert parse("c.yaml", data).name == "c.yaml"


@given(st.dictionaries(texts.filter(bool), values, min_size=1, max_size=4))
def test_texts_come_back_from_json_and_from_yaml(value: dict[str, Any]) -> None:
    assert parse("c", json.dumps(value)).value == value
    quoted = yaml.safe_dump(value, default_style='"', allow_unicode=True)
    assert parse("c.yaml", "# a comment\n" + quoted).value == value


def test_lines_are_those_of_the_fields() -> None:
    document = parse("c.yaml", "A:\n\n  read:\n    decimal: ','\nB:\n")
    assert document.where(("A", "read", "decimal")) == "c.yaml, line 4"
    assert document.where(("A", "read", "absent")) == "c.yaml, line 3"
    assert document.where(("C",)) == "c.yaml"


@pytest.mark.parametrize("text", ["", "# nothing\n", "null\n", "---\n"])
def test_an_empty_document_is_no_contracts(text: str) -> None:
    assert parse("c.yaml", text).value is None
