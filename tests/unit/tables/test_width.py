"""Width is bounded as length is: a limit that is found cheaply, and cost that grows with bytes below it."""

from __future__ import annotations

import gzip
import io
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.lake.errors import CsvRejected, SettingsError
from flows.lake.models import CsvDialect
from flows.lake.tables.profile import profile_csv
from flows.lake.tables.width import WIDE, first_widths, unique_names
from tests.unit.tables.test_profile_exact import as_pandas, assert_equals

NAMES = st.lists(
    st.sampled_from(["a", "a.1", "a.2", "b", "", "Unnamed: 1", "Unnamed: 0", "a.1.1"]), min_size=2, max_size=12
)


@given(NAMES)
def test_unique_names_are_those_that_pandas_gives(fields: list[str]) -> None:
    line = ",".join(f'"{field}"' for field in fields)
    text = f"{line}\n{','.join('1' for _ in fields)}\n"
    assert unique_names(fields) == list(pd.read_csv(io.StringIO(text)).columns)


@pytest.mark.parametrize("header", ["a" * 5, "", "'", "unique"], ids=["one name", "no name", "a quote", "names"])
@pytest.mark.parametrize("row", ["1", "x", ""])
def test_profile_of_a_wide_file_is_what_pandas_says(tmp_path: Path, header: str, row: str) -> None:
    width = WIDE + 5
    names = [f"{header}{at}" if header == "unique" else header for at in range(width)]
    path = tmp_path / "wide.csv"
    path.write_text(f"{','.join(names)}\n" + f"{','.join([row] * width)}\n" * 3)
    dialect = CsvDialect(delimiter=",", encoding="utf-8", decimal=".", quotechar='"')
    assert_equals(profile_csv(path, dialect), as_pandas(path, dialect))


@pytest.mark.parametrize("lines", [["{wide}"], ["a,b", "{wide}"], ["", "{wide}"], ['"q,q",b', "{wide}", "1,2"]])
@pytest.mark.parametrize("packed", [False, True])
def test_file_wider_than_the_limit_is_rejected_with_the_number_found(
    tmp_path: Path, lines: list[str], packed: bool
) -> None:
    text = "\n".join(lines).format(wide=",".join("1" * 300_000)) + "\n"
    path = tmp_path / ("wide.csv.gz" if packed else "wide.csv")
    path.write_bytes(gzip.compress(text.encode(), mtime=0) if packed else text.encode())
    with pytest.raises(CsvRejected, match=r"300,000 columns, and the limit is 20,000\..*max_columns=300000"):
        profile_csv(path)


def test_limit_on_columns_can_be_raised_and_lowered(tmp_path: Path) -> None:
    path = tmp_path / "wide.csv"
    path.write_text(",".join(f"c{at}" for at in range(25_000)) + "\n")
    assert len(profile_csv(path, max_columns=25_000).columns) == 25_000
    with pytest.raises(CsvRejected, match="25,000 columns, and the limit is 10"):
        profile_csv(path, max_columns=10)


def test_megabytes_of_commas_are_rejected_and_not_read_as_columns(tmp_path: Path) -> None:
    path = tmp_path / "commas.csv"
    path.write_bytes(b"," * 3_000_000)
    with pytest.raises(CsvRejected, match="3,000,001 columns"):
        profile_csv(path)


def test_row_far_wider_than_the_table_in_mid_file_is_a_ragged_row(tmp_path: Path) -> None:
    path = tmp_path / "late.csv"
    path.write_text("a,b\n" + "1,2\n" * 300_000 + "," * 200_000 + "\n")
    profile = profile_csv(path)
    assert (profile.rows, profile.bad[0].line) == (300_000, 300_002)


def test_many_commas_in_narrow_rows_and_in_quotes_are_not_width(tmp_path: Path) -> None:
    path = tmp_path / "narrow.csv"
    path.write_text("a,b\n" + "1,2\n" * 100_000)
    assert profile_csv(path, max_columns=2).shape == (100_000, 2)
    path.write_text(f'a,b\n1,"{"," * 50_000}"\n')
    assert profile_csv(path).shape == (1, 2)


def test_first_widths_counts_fields_of_the_first_lines() -> None:
    assert first_widths(b'a,b\r\n\r\n"1,1",2,3\n4', ",", '"') == [2, 3]
    assert first_widths(b"a,b", ",", '"') == [2]
    assert first_widths(b"", ",", '"') == []


@pytest.mark.parametrize(
    "encoding", ["zlib_codec", "idna", "rot13", "base64", "undefined", "punycode", "nope", "utf-8\0"]
)
def test_encoding_that_is_not_of_text_is_refused_with_the_settings(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "a.csv").write_text("a,b\n1,2\n")
    with pytest.raises(SettingsError, match="not a text encoding"):
        profile_csv(tmp_path / "a.csv", CsvDialect(encoding=encoding))
