"""The options of `land` are the parameters of `ingest-raw`, but for those that need a server."""

from __future__ import annotations

import inspect
import typing
from pathlib import Path
from typing import Any

import pytest

from deployments.land import options
from flows.ingest_raw import ingest_raw
from flows.lake.settings import IngestSettings

FLOW = inspect.signature(ingest_raw.fn).parameters
HINTS = typing.get_type_hints(ingest_raw.fn)
BUCKET = ["--bucket", "my-lake"]


def actions() -> dict[str, Any]:
    return {action.dest: action for action in options._parser()._actions}


def test_every_parameter_of_the_flow_is_an_option_or_says_why_not() -> None:
    assert set(FLOW) - set(options.WITHOUT) == set(options._names())


@pytest.mark.parametrize("name", sorted(set(FLOW) - set(options.WITHOUT) - {"bucket", "source"}))
def test_an_option_has_the_parameters_default_and_choices(name: str) -> None:
    action, parameter = actions()[name], FLOW[name]
    assert action.default == parameter.default
    allowed = typing.get_args(HINTS[name]) if typing.get_origin(HINTS[name]) is typing.Literal else None
    assert (tuple(action.choices) if action.choices else None) == allowed


def test_bounds_are_the_flows() -> None:
    for option, value in (("--bad-rows-percent", "101"), ("--drift-rows-percent", "0"), ("--max-columns", "0")):
        with pytest.raises(SystemExit) as ended:
            options.parse([*BUCKET, option, value])
        assert ended.value.code == 2
    for name, most in (("bad_rows_percent", 100), ("landing_days", 3650), ("retention_days", 36_500)):
        schema = ingest_raw.parameters.properties[name]
        assert schema["maximum"] == most
        given = options.parse([*BUCKET, f"--{name.replace('_', '-')}", str(most)])
        assert getattr(given, name) == most


def test_what_is_parsed_makes_the_settings_of_a_run(tmp_path: Path) -> None:
    line = f"{tmp_path} --bucket my-lake --partition-date 2024-03-05 --tags team=a --tags day=b=c --masking-off Old"
    contracts = ["--contracts", '{"Orders": {"files": "orders_*.csv"}}']
    given = options.parse([*line.split(), *contracts, "--dry-run"])
    settings = IngestSettings(**options.parameters_of(given))
    assert settings.source == tmp_path
    assert settings.tags == {"team": "a", "day": "b=c"}
    assert settings.contracts.get("Orders")
    assert settings.masking_off == ["Old"]
    assert settings.dry_run
    assert str(settings.partition_date) == "2024-03-05"


@pytest.mark.parametrize(
    "wrong",
    [
        [],
        [*BUCKET, "--partition-date", "5/3/2024"],
        [*BUCKET, "--tags", "team"],
        [*BUCKET, "--contracts", "{not json"],
        [*BUCKET, "--dry"],
        [*BUCKET, "--max-columns", "²"],
    ],
)
def test_a_wrong_line_is_refused_before_anything_is_imported(wrong: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        options.parse(wrong)
    assert ended.value.code == 2


def test_no_secret_has_an_option() -> None:
    words = " ".join(flag for action in options._parser()._actions for flag in action.option_strings)
    assert "secret" not in words
    assert "token" not in words


@pytest.mark.parametrize("source", ["https://a.example/x.csv https://a.example/y.zip", "s3://a/b"])
def test_an_address_stays_what_it_is(source: str) -> None:
    given = options.parse([source, "--bucket", "my-lake"])
    assert options.parameters_of(given)["source"] == Path(source)
