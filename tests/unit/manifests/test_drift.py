"""Every kind of change between two landings of a file, and what is none."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from flows.lake.manifests.drift import find_drift, sentence, told
from flows.lake.models import ColumnProfile, CsvProfile, LastLanding
from flows.lake.tables.profile import profile_csv


def columns(text: str) -> tuple[ColumnProfile, ...]:
    """Read columns from `a:int64 b:str:0`; the number of values is 10 where none is given."""
    parts = [word.split(":") for word in text.split()]
    return tuple(ColumnProfile(part[0], part[1], int(part[2]) if len(part) > 2 else 10) for part in parts)


def landing(text: str, rows: int = 10) -> LastLanding:
    return LastLanding(date(2024, 3, 4), rows, columns(text), "Manifests/2024/03/04/x.json")


def profile(text: str, rows: int = 10) -> CsvProfile:
    return CsvProfile(Path("f.csv"), rows, columns(text), 1, 0, "0" * 64, "AAAAAAAAAAA=", "utf-8", ",")


@pytest.mark.parametrize(
    ("before", "now", "told"),
    [
        ("a:int64 b:str", "a:int64 b:str", []),
        ("a:int64", "a:int64 b:str", ["column added: column 'b' is new"]),
        ("a:int64 b:str", "b:str", ["column removed: column 'a' is gone"]),
        ("a:int64 b:str c:str", "a:int64 x:str c:str", ["column renamed: column 'b' is now 'x'"]),
        (
            "a:int64 b:str c:str",
            "a:int64 x:bool c:str",
            ["column added: column 'x' is new", "column removed: column 'b' is gone"],
        ),
        ("a:int64 b:str", "b:str a:int64", ["columns reordered: columns stand in another order ('b', 'a')"]),
        ("a:int64", "a:str", ["dtype changed: column 'a' changed from int64 to str"]),
        ("a:float64:0", "a:str", ["dtype changed: column 'a' changed from float64 to str (it was empty before)"]),
        ("a:str b:str", "a:str b:float64:0", ["column empty: column 'b' became empty"]),
        ("a:float64:0", "a:float64:0", []),
        ("a:int64:9", "a:int64:8", []),
        (
            "a:int64 b:str",
            "x:int64 b:float64:0",
            ["column renamed: column 'a' is now 'x'", "column empty: column 'b' became empty"],
        ),
        ("a:int64 b:str", "b:str x:int64", ["column added: column 'x' is new", "column removed: column 'a' is gone"]),
    ],
)
def test_find_drift_of_columns(before: str, now: str, told: list[str]) -> None:
    assert [f"{one.kind}: {one.text}" for one in find_drift(landing(before), profile(now))] == told


@pytest.mark.parametrize(
    ("before", "now", "percent", "told"),
    [
        (100, 50, 50, []),
        (100, 49, 50, ["rows fallen: rows fell by 51% from 100 to 49"]),
        (100, 150, 50, []),
        (100, 151, 50, ["rows grown: rows grew by 51% from 100 to 151"]),
        (1000, 989, 1, ["rows fallen: rows fell by 1% from 1,000 to 989"]),
        (100, 0, 50, ["rows fallen: rows fell by 100% from 100 to 0"]),
        (0, 5, 50, ["rows grown: there are 5 rows, and there were none"]),
        (0, 0, 50, []),
    ],
)
def test_find_drift_of_rows_beyond_the_threshold(before: int, now: int, percent: int, told: list[str]) -> None:
    drift = find_drift(landing("a:int64", before), profile("a:int64", now), percent)
    assert [f"{one.kind}: {one.text}" for one in drift] == told


@pytest.mark.parametrize(("before", "now"), [(10, 0), (0, 10)])
def test_find_drift_of_a_file_without_rows_says_nothing_of_dtypes(before: int, now: int) -> None:
    drift = find_drift(landing("a:int64", before), profile("a:object:0", now))
    assert [one.kind for one in drift if not one.kind.startswith("rows")] == []


def test_sentence_of_very_much_drift_is_short_and_says_how_much() -> None:
    drift = find_drift(landing("a:int64"), profile(" ".join(f"c{n}:str" for n in range(3000))))
    assert sentence(drift, landing("a:int64")) == (
        "since 2024-03-04 3,000 columns are new: 'c0', 'c1', 'c2', 'c3', 'c4', 'c5', 'c6', 'c7' and 2,992 more;"
        " column 'a' is gone"
    )


@pytest.mark.parametrize(
    ("before", "now", "texts"),
    [
        ("a b c", "x y z", ["column 'a' is now 'x'", "column 'b' is now 'y'", "column 'c' is now 'z'"]),
        (
            "a b c d",
            "w x y z",
            ["4 columns have other names: 'a' is now 'w', 'b' is now 'x', 'c' is now 'y', 'd' is now 'z'"],
        ),
        ("a b c d e", "a", ["4 columns are gone: 'b', 'c', 'd', 'e'"]),
        (
            "a b c d",
            "a:int64 b:int64 c:int64 d:int64",
            [
                "4 columns have another dtype: 'a' changed from str to int64, 'b' changed from str to int64,"
                " 'c' changed from str to int64, 'd' changed from str to int64"
            ],
        ),
        ("a b c d", "a:str:0 b:str:0 c:str:0 d:str:0", ["4 columns became empty: 'a', 'b', 'c', 'd'"]),
    ],
)
def test_told_of_more_than_three_columns_with_one_change_is_one_text(before: str, now: str, texts: list[str]) -> None:
    def typed(names: str) -> str:
        return " ".join(name if ":" in name else f"{name}:str" for name in names.split())

    assert told(find_drift(landing(typed(before)), profile(typed(now)))) == texts


def test_find_drift_of_a_first_landing_is_none() -> None:
    assert find_drift(None, profile("a:int64")) == []


@pytest.mark.parametrize(
    ("cells", "told"),
    [
        (
            {48_211: "N/A", 48_212: "n. d."},
            "changed from int64 to str (line 48,212, notaMedia: 'n. d.' is not a number)",
        ),
        ({48_211: "N/A"}, "changed from int64 to float64 (line 48,211, notaMedia: 'N/A' is missing)"),
        ({}, None),
    ],
)
def test_find_drift_names_the_line_and_the_cell_that_changed_a_dtype(
    tmp_path: Path, cells: dict[int, str], told: str | None
) -> None:
    path = tmp_path / "f.csv"
    lines = ["id,notaMedia", *(f"{n},{cells.get(n, '7')}" for n in range(2, 60_001))]
    path.write_text("\n".join(lines) + "\n")
    drift = find_drift(landing("id:int64 notaMedia:int64", 59_999), profile_csv(path))
    assert [one.text.removeprefix("column 'notaMedia' ") for one in drift] == ([told] if told else [])


def test_find_drift_from_text_to_numbers_names_no_cell(tmp_path: Path) -> None:
    path = tmp_path / "f.csv"
    path.write_text("a\n1\n2.5\n")
    (drift,) = find_drift(landing("a:str", 2), profile_csv(path))
    assert drift.text == "column 'a' changed from str to float64"
