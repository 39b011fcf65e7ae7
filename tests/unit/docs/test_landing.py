"""docs/landing.md against the code: every method is in its table, and each example is what the method makes."""

import re
from pathlib import Path

import pytest
import yaml

from blocks import new_masking_key
from flows import unmask
from flows.lake.landing.masking_key import MaskingKey
from flows.lake.landing.methods import mask_of
from flows.lake.landing.sensitive_cells import BY_CELLS, BY_NAME
from flows.lake.masking_rules import METHODS, MOST_KEPT, MaskingRules, parse_rule
from flows.lake.tables.text_cells import MISSING

PROJECT = Path(__file__).parents[3]
TEXT = (PROJECT / "docs/landing.md").read_text()
ROWS = re.findall(
    r"^\| `([a-z]+)(?::N)?` \| .*?\| `([^`]*)` → (?:`([^`]*)`|\*\(gone\)\*)(?: \(`([^`]+)`\))? \|", TEXT, re.M
)


def test_docs_landing_has_every_method_once() -> None:
    assert sorted(row[0] for row in ROWS) == sorted(METHODS)
    assert f"1 to {MOST_KEPT}" in TEXT


@pytest.mark.parametrize(("method", "cell", "masked", "rule"), ROWS)
def test_docs_landing_examples_are_what_the_methods_make(method: str, cell: str, masked: str, rule: str) -> None:
    if method != "drop":
        mask = mask_of(parse_rule(rule or method, "c"), MaskingKey(bytes(range(32))), frozenset(MISSING))
        assert mask.of_text(cell) == masked


def test_docs_landing_rules_are_rules() -> None:
    ((_, dataset),) = yaml.safe_load(re.findall(r"```yaml\n(.*?)```", TEXT, re.S)[0]).items()
    rules = MaskingRules.parse({name: column["mask"] for name, column in dataset["columns"].items()})
    assert len(rules.by_column) == 7


def test_docs_landing_names_every_kind_that_is_found_and_options_that_exist() -> None:
    table = TEXT[TEXT.index("| Looks like") :]
    assert [sign.kind for sign in (*BY_CELLS, *BY_NAME.values()) if sign.kind not in table] == []
    parsers = (new_masking_key._parser(), unmask._parser())
    there = {option for parser in parsers for action in parser._actions for option in action.option_strings}
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", TEXT)) <= there
