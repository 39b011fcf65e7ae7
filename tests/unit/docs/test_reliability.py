"""The table in `docs/reliability.md` names tests that exist."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[3]


def test_reliability_table_every_test_exists() -> None:
    text = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`(test_\w+)`", text))
    code = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    there = set(re.findall(r"^def (test_\w+)\(", code, flags=re.MULTILINE))
    assert len(named) > 20
    assert named - there == set()


def test_reliability_table_lists_every_fault_test() -> None:
    text = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")
    tests = ("raw/test_faults.py", "copying/test_copy_faults.py")
    code = "\n".join((ROOT / "tests/storage" / name).read_text(encoding="utf-8") for name in tests)
    there = set(re.findall(r"^def (test_\w*fault_\w+)\(", code, flags=re.MULTILINE))
    assert {name for name in there if f"`{name}`" not in text} == set()
