"""The evidence of a dtype: the first line and cell that forced it, wherever the chunks end."""

from __future__ import annotations

from pathlib import Path

import pytest

from flows.lake.models import CsvDialect, DtypeEvidence
from flows.lake.tables.profile import profile_csv


def evidence_of(tmp_path: Path, text: str, rows: int, decimal: str = ".") -> tuple[str, DtypeEvidence | None]:
    path = tmp_path / "f.csv"
    path.write_bytes(text.encode())
    column = profile_csv(path, CsvDialect(delimiter=";", decimal=decimal), chunk_rows=rows).columns[-1]
    return column.dtype, column.evidence


@pytest.mark.parametrize("rows", [1, 2, 50_000])
@pytest.mark.parametrize(
    ("cells", "dtype", "line", "token", "reason"),
    [
        ("1 2 1.5 2.5", "float64", 4, "1.5", "is not an integer"),
        ("1 2.0 x 1.5", "str", 4, "x", "is not a number"),
        ("1 NA 3 4", "float64", 3, "NA", "is missing"),
        ("NA NA NA 4", "float64", 2, "NA", "is missing"),
        (r"1894 \N 1900 x", "str", 3, r"\N", "is not a number"),
        ("1e5 .5 -inf 1_000", "str", 5, "1_000", "is not a number"),
        ("True false 3 x", "str", 4, "3", "is not a boolean"),
        ("True NA False NA", "object", 3, "NA", "is missing"),
        ("True False", "bool", 2, "True", "is a boolean"),
        ("1 9223372036854775808 2", "uint64", 3, "9223372036854775808", "is beyond 64 bits with a sign"),
        ("1 9223372036854775808 NA", "str", 3, "9223372036854775808", "is beyond 64 bits with a sign"),
    ],
)
def test_profile_csv_evidence_is_the_first_cell_that_forced_the_dtype(
    tmp_path: Path, rows: int, cells: str, dtype: str, line: int, token: str, reason: str
) -> None:
    text = "key;value\n" + "".join(f"{n};{cell}\n" for n, cell in enumerate(cells.split()))
    assert evidence_of(tmp_path, text, rows) == (dtype, DtypeEvidence(line, token, reason))


@pytest.mark.parametrize("rows", [1, 50_000])
def test_profile_csv_evidence_of_integers_is_none(tmp_path: Path, rows: int) -> None:
    assert evidence_of(tmp_path, "a\n1\n2\n3\n", rows) == ("int64", None)


@pytest.mark.parametrize("rows", [1, 50_000])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_profile_csv_evidence_line_counts_blank_lines_and_line_ends_in_quotes(
    tmp_path: Path, rows: int, end: str
) -> None:
    text = 'key;value\n\n1;"2"\n"x\ny\nz";3\n  \n3;word\n'.replace("\n", end)
    assert evidence_of(tmp_path, text, rows) == ("str", DtypeEvidence(8, "word", "is not a number"))


@pytest.mark.parametrize("rows", [1, 50_000])
def test_profile_csv_evidence_line_counts_line_ends_of_both_kinds(tmp_path: Path, rows: int) -> None:
    assert evidence_of(tmp_path, "a\n1\r2\r\n3\nx\r", rows) == ("str", DtypeEvidence(5, "x", "is not a number"))


def test_profile_csv_evidence_of_numbers_with_the_other_decimal_mark(tmp_path: Path) -> None:
    assert evidence_of(tmp_path, "a\n1,5\n1.5\n", 1, decimal=",")[1] == DtypeEvidence(3, "1.5", "is not a number")


def test_profile_csv_evidence_beside_an_implicit_index_is_of_the_right_column(tmp_path: Path) -> None:
    assert evidence_of(tmp_path, "a;b\nx;1;2\ny;3;z\n", 1)[1] == DtypeEvidence(3, "z", "is not a number")


def test_profile_csv_evidence_token_that_is_long_is_shortened(tmp_path: Path) -> None:
    evidence = evidence_of(tmp_path, "a\n" + "x" * 1_000 + "\n", 1)[1]
    assert evidence is not None
    assert evidence.token == "x" * 79 + "…"


def test_profile_csv_evidence_behind_a_field_too_large_for_the_reader_is_none(tmp_path: Path) -> None:
    assert evidence_of(tmp_path, f"t;n\n{'y' * 200_000};1\nz;x\n", 50_000) == ("str", None)
