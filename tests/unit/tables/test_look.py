"""`make look`: what one file is, with the contract to paste."""

from __future__ import annotations

import subprocess
import warnings
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from flows.lake.contracts.collection import load
from flows.lake.tables.__main__ import main
from flows.lake.tables.profile import profile_csv
from tests.tools.stack import PROJECT

REPORT = "Relatório\n\nid;cep;total\n" + "".join(f"{n};0131010{n};{n}.000,50\n" for n in range(1, 9)) + "Fonte: x\n"


def test_look_shows_rows_recipe_and_a_contract_that_reads_the_same(tmp_path: Path, capsys: Any) -> None:
    path = tmp_path / "report.csv"
    path.write_text(REPORT)
    assert main([str(path)]) == 0
    said = capsys.readouterr().out
    assert "cep: 01310101 | 01310102" in said
    assert "2 lines stand above" in said or "1 line stands above" in said
    assert "'cep' seems to hold codes" in said
    call = said.partition("Read it with pandas:\n  ")[2].partition("\n")[0]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        frame = eval(call, {"pd": pd})
    assert frame.shape == (8, 3)
    contract = load(yaml.safe_load(said.partition("The contract that says so:\n")[2]))["Report"]
    assert profile_csv(path, contract.dialect).recipe == profile_csv(path).recipe


def test_look_says_why_a_file_cannot_be_read_and_goes_on(tmp_path: Path, capsys: Any) -> None:
    bad, good = tmp_path / "bad.csv", tmp_path / "good.csv"
    bad.write_bytes(b"PK\x03\x04")
    good.write_text("a,b\n1,2\n")
    assert main([str(bad), str(good)]) == 1
    shown = capsys.readouterr()
    assert "bad.csv, byte 0: it is a ZIP archive" in shown.err
    assert "good.csv: 1 rows x 2 columns" in shown.out


def test_make_look_names_the_file_by_its_variable() -> None:
    done = subprocess.run(
        ["make", "-n", "look", "FILE=x y.csv"], cwd=PROJECT, capture_output=True, text=True, check=True
    )
    assert 'flows.lake.tables "$FILE"' in done.stdout
