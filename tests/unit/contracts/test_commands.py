"""`python -m flows.contracts`: check, schema, from-manifest and export, without a server."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from flows import contracts
from flows.lake.contracts.collection import load
from flows.lake.manifests import manifest
from flows.lake.models import ColumnProfile
from tests.unit.manifests.test_athena_ddl import held
from tests.unit.reports.test_run_report import outcome, summary

ROOT = Path(__file__).parents[3]


def test_check_says_which_files_of_a_folder_each_contract_claims(tmp_path: Path, capsys: Any) -> None:
    path, folder = tmp_path / "datasets.yaml", tmp_path / "in"
    folder.mkdir()
    for name in ("orders_1.csv", "orders_web.csv", "other.csv"):
        (folder / name).write_text("a\n1\n")
    path.write_text("Orders: {files: 'orders_*'}\nWeb: {files: '*_web.csv'}\nIdle:\n")
    assert contracts.main(["check", str(path), "--folder", str(folder)]) == 0
    said = capsys.readouterr().out
    assert "3 contracts are valid" in said
    assert "orders_1.csv: Orders\n" in said
    assert "orders_web.csv: Orders and Web, which is one too many" in said
    assert "other.csv: no contract claims it" in said
    assert "No file here belongs to: Idle" in said


@pytest.mark.parametrize(
    "arguments", [["check", "nowhere.yaml"], ["export", "--odcs", "--dataset", "X"], ["from-manifest", __file__]]
)
def test_what_cannot_be_done_is_an_error_in_one_line(
    arguments: list[str], capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    assert contracts.main(arguments) == 1
    assert capsys.readouterr().err.count("\n") == 1


def test_schema_and_export_are_printed(capsys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    assert contracts.main(["schema"]) == 0
    assert capsys.readouterr().out == (ROOT / "docs/contract.schema.json").read_text()
    assert contracts.main(["export", "--odcs", "--dataset", "Movies"]) == 0
    (document,) = yaml.safe_load_all(capsys.readouterr().out)
    assert document["name"] == "Movies"


def test_from_manifest_writes_a_contract_that_claims_what_landed(tmp_path: Path, capsys: Any) -> None:
    found = held("id:int64", delimiter="\t", decimal=",")
    landed = replace(outcome("orders_2024-03-05.csv"), dataset="Orders", profile=found)
    made = manifest.of_run(
        summary(landed),
        1,
        datetime(2024, 3, 5, tzinfo=UTC),
        load({"Orders": {"date": "_%Y-%m-%d", "owner": "me"}}),
    )
    path = tmp_path / "manifest.json"
    path.write_text(manifest.to_json(made))
    assert contracts.main(["from-manifest", str(path)]) == 0
    some = load(capsys.readouterr().out)
    assert some.claimants("orders_2024-03-06.csv") == ["Orders"]
    assert (some["Orders"].read.delimiter, some["Orders"].read.decimal, some["Orders"].owner) == ("\t", ",", "me")
    assert ColumnProfile("id", "int64", 1).name in some["Orders"].columns
