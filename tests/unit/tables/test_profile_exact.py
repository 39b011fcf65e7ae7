"""`profile_csv` equals `pandas.read_csv` on every file that pandas reads, and rejects every one that it does not."""

from __future__ import annotations

import csv
import warnings
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from flows.lake.errors import CsvRejected
from flows.lake.models import CsvDialect, CsvProfile
from flows.lake.tables.profile import profile_csv

PLAIN = CsvDialect(delimiter=",", encoding="utf-8", decimal=".", quotechar='"')

TOKENS = [
    *["0", "1", "-1", "-0", "+0", "-00", "007", " 5", "5 ", " -0 ", "+3", "12345678901234567890123"],
    *["9223372036854775807", "9223372036854775808", "-9223372036854775808", "-9223372036854775809"],
    *["18446744073709551615", "18446744073709551616", "-18446744073709551616", "00000000000000000000001"],
    *[
        "1" * 44,
        "-" + "9" * 25,
        "1" * 400,
        "9223372036854775808 ",
        "18446744073709551616 ",
        "1_000",
        "10_000_000_000_000_000_000",
        "1.0",
        "-0.0",
        "1.5",
        "2.",
        ".5",
    ],
    *["1e5", "1E-3", "1e30", "1e400", "-1e19", "inf", "-inf", "Infinity", "+inf", "nan", "NaN", "NAN", "NA", "N/A"],
    *["", "", "", "null", "None", "<NA>", "#N/A", "n/a", "-nan", " ", "  ", "NULL", r"\N", "-", "s/d", "ND"],
    *["True", "true", "TRUE", "tRuE", "False", "false", "FALSE", "faLSE", "True ", "yes", "T"],
    *["a", "abc", "-abc", "--1", "0x1F", "1,5", "1.234,5", "2020-01-01", "٣", "é", "1\n2", "12\n", '"', 'a"b', "'"],
]


def as_pandas(path: Path, dialect: CsvDialect) -> pd.DataFrame:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pd.read_csv(
            path,
            sep=dialect.delimiter,
            encoding=dialect.encoding,
            decimal=dialect.decimal,
            quotechar=dialect.quotechar,
            low_memory=False,
        )


def assert_equals(profile: CsvProfile, frame: pd.DataFrame) -> None:
    assert profile.shape == frame.shape
    expected = [(str(name), str(frame.iloc[:, i].dtype), int(frame.iloc[:, i].count())) for i, name in enumerate(frame)]
    assert [(column.name, column.dtype, column.non_null) for column in profile.columns] == expected


def assert_same_as_pandas(path: Path, dialect: CsvDialect, *chunk_sizes: int) -> None:
    try:
        frame = as_pandas(path, dialect)
    except (ValueError, OverflowError):
        for rows in chunk_sizes:
            with pytest.raises(CsvRejected):
                profile_csv(path, dialect, chunk_rows=rows)
        return
    for rows in chunk_sizes:
        assert_equals(profile_csv(path, dialect, chunk_rows=rows), frame)


QUICK = settings(
    max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True
)


@st.composite
def columns(draw: st.DrawFn) -> list[str]:
    """Draw a column that is mostly of one kind, so that the rare orders do come up."""
    few = draw(st.lists(st.sampled_from(TOKENS), min_size=1, max_size=4))
    body = draw(st.lists(st.sampled_from(few), min_size=0, max_size=9))
    return body + draw(st.lists(st.sampled_from(TOKENS), max_size=2))


@QUICK
@given(columns(), st.integers(1, 5), st.sampled_from([".", ","]))
@example(["9223372036854775808", ""], 1, ".")
@example(["1.5", "18446744073709551616"], 1, ".")
@example(["18446744073709551616", "1.5"], 1, ".")
@example(["1", "", "1.0", "9223372036854775808"], 2, ".")
@example(["-0", "9223372036854775808"], 1, ".")
@example(["-0", "True"], 1, ".")
@example(["-0", "9223372036854775808", "1_000"], 1, ".")
@example(["0", "9223372036854775808"], 1, ".")
@example(["x", "nan\0", "\0", "x\0y", "nan"], 1, ".")
@example(["1", "", "1\x002", "9223372036854775808"], 2, ".")
def test_profile_csv_adversarial_column_equals_pandas(
    tmp_path: Path, tokens: list[str], rows: int, decimal: str
) -> None:
    path = tmp_path / "column.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["key", "value"])
        writer.writerows([n, token] for n, token in enumerate(tokens))
    dialect = CsvDialect(delimiter=",", encoding="utf-8", decimal=decimal, quotechar='"')
    assert_same_as_pandas(path, dialect, rows, 50_000)


RAW = st.lists(
    st.sampled_from(
        ['"', '"', ",", ",", "\n", "\n", "\r\n", "\r", "a", "1", "2.5", "", " ", '""', "\\", "'", "é", "\t", "-0"]
    ),
    max_size=40,
).map("".join)


@QUICK
@given(RAW, st.integers(1, 4))
@example("a,b\n1,2,\n3,4,\n", 1)
@example("a,b\n1,2\n3,4,\n", 1)
@example('a,b\n1,"x\n\n2,3', 1)
@example("a,a,,a.1\n1,2,3,4\n", 1)
@example("a,b\r1,2\r\r3,4", 1)
@example("\n\na,b\n\n1,2\n", 1)
@example("a,b\n0,1,2\n1,3,4\n", 1)
@example("a,b\n5,6\n0,1,2\n", 1)
@example("a,b\n7,1,2\n4,3,4\n1,5,6\n", 2)
@example("a,b\n5,6\n7,8\n7,1,2\n4,3,4\n", 2)
@example("a\n\ufeff1\n\ufeff2\n", 1)
def test_profile_csv_any_text_equals_pandas_or_is_rejected(tmp_path: Path, text: str, rows: int) -> None:
    path = tmp_path / "raw.csv"
    path.write_bytes(text.encode())
    assert_same_as_pandas(path, PLAIN, rows, 50_000)
