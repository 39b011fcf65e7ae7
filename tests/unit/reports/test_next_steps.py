"""What a run says that a person will want to do: once, ready to paste, bounded, and without a cell of a file."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from flows.lake.contracts.collection import load
from flows.lake.contracts.name_groups import find_groups
from flows.lake.manifests.history import DatasetRun
from flows.lake.masking_rules import LooksSensitive
from flows.lake.models import ColumnProfile, CsvProfile, FileOutcome
from flows.lake.reports import next_steps
from flows.lake.reports.next_steps import Seen, steps_of
from flows.lake.run_models import BucketReport, BucketSetting, NextStep
from tests.tools.rules import settings

DAY = date(2024, 3, 8)
NAMES = [f"orders_2024-01-{day:02}.csv" for day in range(1, 9)]


def outcome(name: str, dataset: str = "A", columns: str = "xy", **of_profile: Any) -> FileOutcome:
    found = tuple(ColumnProfile(column, "int64", 1) for column in columns)
    given = {"encoding": "utf-8", "delimiter": ","} | of_profile
    profile = CsvProfile(Path(name), 1, found, 5, 0, "0" * 64, "AAAAAAAAAAA=", **given)
    return FileOutcome(Path(name), dataset, f"Raw/Local/CSV/{dataset}/{DAY:%Y/%m/%d}/{name}", "uploaded", "", profile)


def seen(*outcomes: FileOutcome, **changes: Any) -> Seen:
    contracts = changes.pop("contracts", {})
    return replace(Seen(settings(contracts=contracts), (), outcomes, (), DAY), **changes)


def snippet(steps: list[NextStep], kind: str) -> Any:
    (step,) = [step for step in steps if step.kind == kind]
    load(step.snippet)  # a contract that a run takes
    return yaml.safe_load(step.snippet)


def test_nothing_to_do_of_a_plain_file() -> None:
    assert steps_of(seen(outcome("a.csv"))) == []


def test_group_is_proposed_with_its_number_of_files_and_rhythm() -> None:
    steps = steps_of(seen(*map(outcome, NAMES), groups=find_groups(NAMES)))
    pattern = "orders_[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]"
    assert snippet(steps, "group") == {"Orders": {"files": pattern, "date": "%Y-%m-%d", "expect": "daily"}}
    assert "8 files differ" in steps[0].text


def test_group_is_not_proposed_where_columns_differ() -> None:
    files = [outcome(name, columns="xy" if number else "xyz") for number, name in enumerate(NAMES)]
    assert steps_of(seen(*files, groups=find_groups(NAMES))) == []


def test_what_is_said_of_a_groups_files_is_said_once_and_of_the_group() -> None:
    sensitive = (LooksSensitive("cpf", "CPF", "hash"),)
    files = [outcome(name, name[:-4].title(), sensitive=sensitive, encoding="cp1252") for name in NAMES]
    steps = steps_of(seen(*files, groups=find_groups(NAMES)))
    assert [(step.kind, step.dataset) for step in steps] == [
        ("group", "Orders"),
        ("mask", "Orders"),
        ("read", "Orders"),
    ]
    assert snippet(steps, "mask") == {"Orders": {"columns": {"cpf": {"mask": "hash"}}}}


@pytest.mark.parametrize(
    ("of_profile", "read"),
    [
        ({"encoding": "cp1252", "delimiter": ";"}, {"delimiter": ";", "encoding": "cp1252"}),
        ({"extra": {"skiprows": 2}}, {"delimiter": ",", "encoding": "utf-8", "skip": 2}),
    ],
)
def test_read_is_proposed_once_it_is_a_matter_of_evidence(of_profile: Any, read: Any) -> None:
    file = outcome("a.csv", **of_profile)
    found = snippet(steps_of(seen(file)), "read")
    assert {name: str(value) for name, value in found["A"]["read"].items()} == {k: str(v) for k, v in read.items()}
    assert steps_of(seen(file, contracts={"A": {"read": {"delimiter": ";"}}})) == []


def test_expect_is_proposed_of_past_days_until_it_is_stated() -> None:
    runs = [DatasetRun("A", DAY - timedelta(days=back), "run", 1, 0, 1, 1) for back in range(1, 7)]
    assert snippet(steps_of(seen(outcome("a.csv"), runs=runs)), "expect") == {"A": {"expect": "daily"}}
    assert steps_of(seen(outcome("a.csv"), runs=runs, contracts={"A": {"expect": "weekdays"}})) == []


def test_missing_protections_are_one_step_with_their_commands() -> None:
    missing = [BucketSetting(name, "missing", "none", f"aws s3api put-{name}") for name in ("x", "y")]
    report = BucketReport("lake", False, "us-east-1", (*missing, BucketSetting("z", "present", "")))
    (step,) = steps_of(seen(outcome("a.csv"), bucket=report))
    assert (step.kind, step.snippet, step.language) == ("protections", "aws s3api put-x\naws s3api put-y", "bash")
    assert "What to do next" not in next_steps.log_text([step])  # each has its line in the log
    assert "```bash\naws s3api put-x" in "\n".join(next_steps.markdown([step]))


def test_few_are_told_and_the_others_counted() -> None:
    steps = [NextStep("mask", f"step {number}", "a: {}") for number in range(30)]
    text = "\n".join(next_steps.markdown(steps))
    assert text.count("- step") == next_steps.OF_A_KIND
    assert "26 more" in text
    assert "26 more" in next_steps.log_text(steps)


def test_hostile_names_stay_text() -> None:
    names = ["a: <b>`#[x]_2024-01-01.csv", "a: <b>`#[x]_2024-01-02.csv"]
    steps = steps_of(seen(*map(outcome, names), groups=find_groups(names)))
    contracts = load(steps[0].snippet)
    assert contracts.claimants(names[0]) == ["A: <B>`#[X]"]
    assert "<b>" not in "\n".join(next_steps.markdown(steps)).split("```yaml")[0]
