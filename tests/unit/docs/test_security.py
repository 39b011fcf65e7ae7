"""docs/security.md against the code: what it names exists."""

import re
from pathlib import Path

from blocks import register, rotate

PROJECT = Path(__file__).parents[3]
TEXT = (PROJECT / "docs/security.md").read_text()


def test_docs_security_names_files_that_exist() -> None:
    named = {*re.findall(r"`(tests/[\w/.]+)`", TEXT), *re.findall(r"\]\(\.\./([^)#]+)\)", TEXT)}

    assert len(named) >= 8
    assert [name for name in named if not (PROJECT / name).exists()] == []


def test_docs_security_names_only_options_that_the_commands_have() -> None:
    parsers = (register._parser(), rotate._parser())
    there = {option for parser in parsers for action in parser._actions for option in action.option_strings}
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", TEXT))

    assert named - there == {"--host"}  # Prefect's own
    assert {"--key-file", "--drop-unreadable", "--profile", "--machine-role", "--role-arn", "--ca-bundle"} <= named


def test_docs_security_names_the_variables_of_the_key() -> None:
    assert {rotate.CURRENT, rotate.NEW} <= set(re.findall(r"PREFECT_\w+", TEXT))
