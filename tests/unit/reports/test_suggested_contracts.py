"""What is suggested for a folder is what a run takes: it loads, claims each file, and reads it as before."""

from __future__ import annotations

import unicodedata
from datetime import date
from pathlib import Path

import pytest

from flows import suggest as command
from flows.lake.contracts.collection import Contracts, load
from flows.lake.reports.suggested_contracts import suggest
from flows.lake.sources.folder import find_files
from flows.lake.tables.profile import profile_csv
from tests.tools.rules import settings
from tests.tools.sensitive_data import a_cpf

DAY = date(2024, 3, 5)
HOSTILE = [
    "NO.csv",
    "1e3.csv",
    "a: b.csv",
    "#x.csv",
    "-.csv",
    "~.csv",
    "null.csv",
    "yes.csv",
    "2024.csv",
    "*.csv",
    "o [1].csv",
    "'quoted\".csv",
    "%TAG.csv",
    "{a}.csv",
    "<<.csv",
    "=.csv",
    "x .csv",
    unicodedata.normalize("NFD", "ação.csv"),
    "v1,5.csv",
    "@home.csv",
    "!tag.csv",
    "orders (1).csv",
]


def taken(folder: Path, pattern: str = "*.csv*") -> Contracts:
    """Suggest, take what is suggested, and make sure that each file is read as before."""
    contracts = load(suggest(folder, pattern))
    found = find_files(settings(source=folder, pattern=pattern, contracts=contracts, only_contracts=True), DAY)
    assert not found.unusable
    for file in found.files:
        stated, free = profile_csv(file.path, file.dialect), profile_csv(file.path)
        assert (stated.shape, stated.columns, stated.bad_rows) == (free.shape, free.columns, free.bad_rows)
    return contracts


@pytest.mark.parametrize("folder", ["data/sample", "data/sample-clientes"])
def test_samples_go_round(folder: str) -> None:
    assert taken(Path(folder))


def test_dated_files_are_one_dataset_with_their_rhythm(tmp_path: Path) -> None:
    for day in range(1, 15):
        (tmp_path / f"orders_2024-01-{day:02}.csv").write_text("id,x\n1,2\n")
    contract = taken(tmp_path)["Orders"]
    assert (contract.date, contract.expect and contract.expect.every) == ("%Y-%m-%d", "daily")
    (file, *_) = find_files(settings(source=tmp_path, contracts=load(suggest(tmp_path, "*"))), DAY).files
    assert file.key == "Raw/Local/CSV/Orders/2024/01/01/orders_2024-01-01.csv"


def test_brazilian_files_go_round(tmp_path: Path) -> None:
    for month in ("janeiro", "fevereiro", "março"):
        rows = "".join(f"São Paulo;{n},5;Ação\r\n" for n in range(50))
        (tmp_path / f"preços-{month}-2024.csv").write_bytes(f"município;preço;tipo\r\n{rows}".encode("cp1252"))
    contract = taken(tmp_path)["Preços"]
    assert (contract.read.delimiter, contract.read.encoding, contract.read.decimal) == (";", "cp1252", ",")


def test_hostile_names_go_round(tmp_path: Path) -> None:
    for name in HOSTILE:
        (tmp_path / name).write_text("a,b\n1,2\n3,4\n")
    contracts = taken(tmp_path)
    assert {"No", "1E3", "A: B", "#X", "Ação"} <= set(contracts)


def test_sensitive_columns_are_comments_that_can_be_taken(tmp_path: Path) -> None:
    import random

    cpfs = [a_cpf(random.Random(n)) for n in range(40)]
    (tmp_path / "x.csv").write_text("a: b,y\n" + "".join(f"{cpf},1\n" for cpf in cpfs))
    text = suggest(tmp_path, "*.csv")
    assert not load(text)["X"].mask
    assert not any(cpf in text for cpf in cpfs)
    start = text.index("  # columns:")
    opened = text[:start] + text[start:].replace("  # ", "  ")
    assert load(opened)["X"].mask.as_texts() == {"a: b": "hash"}


def test_numbers_that_may_mean_something_are_a_question(tmp_path: Path) -> None:
    for number in (1, 2, 3):
        (tmp_path / f"iso3166-{number}.csv").write_text("a,b\n1,2\n")
    text = suggest(tmp_path, "*.csv")
    assert len(load(text)) == 3
    assert "#   Iso3166:" in text


def test_file_that_cannot_be_read_is_said_and_the_others_go_on(tmp_path: Path) -> None:
    (tmp_path / "bad.csv").write_bytes(b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" * 50)
    (tmp_path / "good.csv").write_text("a,b\n1,2\n")
    text = suggest(tmp_path, "*.csv")
    assert "# bad.csv cannot be read" in text
    assert set(load(text)) == {"Bad", "Good"}


def test_command_writes_no_file_that_is_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.csv").write_text("a,b\n1,2\n")
    output = tmp_path / "datasets.yaml"
    arguments = [str(tmp_path), "--output", str(output)]
    assert command.main(arguments) == 0
    written = output.read_text()
    assert command.main(arguments) == 1
    assert "is there already" in capsys.readouterr().err
    assert output.read_text() == written
    assert command.main([str(tmp_path / "none")]) == 1
    assert "There is no folder" in capsys.readouterr().err
