from pathlib import Path

from flows.lake.models import ColumnProfile, CsvProfile, DtypeEvidence
from flows.lake.reports.profile_report import MOST_FILES, profile_description, profile_table


def profile(name: str = "a.csv", dtype: str = "int64", *hints: str, delimiter: str = "|") -> CsvProfile:
    evidence = DtypeEvidence(4, "a secret", "is not a number")
    columns = (ColumnProfile("x", dtype, 5), ColumnProfile("y", "str", 2, evidence))
    return CsvProfile(Path(name), 5, columns, 50, 0, "0" * 64, "AAAAAAAAAAA=", "utf-8", delimiter, hints=hints)


def test_profile_table_of_one_file_has_a_row_a_column() -> None:
    assert profile_table([profile()]) == [
        {"column": "x", "non-null": 5, "dtype": "int64", "why": ""},
        {"column": "y", "non-null": 2, "dtype": "str", "why": "line 4: 'a secret' is not a number"},
    ]


def test_profile_table_of_a_few_files_says_the_file() -> None:
    table = profile_table([profile("a.csv"), profile("b.csv")])
    assert [row["file"] for row in table] == ["a.csv", "a.csv", "b.csv", "b.csv"]


def test_profile_table_of_many_files_adds_up_and_keeps_dtypes_apart() -> None:
    many = [profile(f"{n}.csv") for n in range(MOST_FILES)]
    assert profile_table([*many, profile("odd.csv", "float64")]) == [
        {"column": "x", "non-null": 5 * MOST_FILES, "dtype": "int64", "files": MOST_FILES},
        {"column": "y", "non-null": 2 * (MOST_FILES + 1), "dtype": "str", "files": MOST_FILES + 1},
        {"column": "x", "non-null": 5, "dtype": "float64", "files": 1},
    ]


def test_profile_description_escapes_what_markdown_would_take() -> None:
    text = profile_description([profile("a_b.csv", "int64", r"'\N' stands in 3 cells")], "2024-03-05 from /in")
    assert text == (
        "**a_b.csv**, 2024-03-05 from /in: 5 rows x 2 columns, delimiter '\\|', encoding utf-8.\n\n"
        "- '\\N' stands in 3 cells"
    )


def test_profile_description_of_many_files_counts_and_names_differences() -> None:
    several = [profile(f"{n}.csv", "int64", "a hint", delimiter=";" if n else ",") for n in range(12)]
    text = profile_description(several, "2024-03-05 from /in")
    assert text.startswith(
        "**12 files**, 2024-03-05 from /in: 60 rows x 2 columns, delimiter ';' or ',', encoding utf-8."
    )
    assert "- 9.csv: a hint" in text
    assert "- 10.csv: a hint" not in text
    assert "2 more remarks" in text
