"""The recipe: `pandas.read_csv(path, **profile.recipe)` gives exactly the frame that the profile tells of."""

from __future__ import annotations

import csv
import io
import json
import pickle
import warnings
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from flows.lake.errors import CsvRejected
from flows.lake.models import CsvDialect, CsvProfile
from flows.lake.tables.profile import profile_csv
from tests.unit.tables.test_profile_exact import assert_equals

QUICK = settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True
)


def read(path: Path, profile: CsvProfile) -> pd.DataFrame:
    recipe = json.loads(json.dumps(profile.recipe))  # it is kept in manifests
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pd.read_csv(path, **recipe)


def assert_recipe(path: Path, profile: CsvProfile) -> pd.DataFrame:
    frame = read(path, profile)
    assert_equals(profile, frame)
    return frame


def write(path: Path, text: str | bytes) -> Path:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def table(rows: int = 40, sign: str = ",", quote: bool = True, end: str = "\r\n") -> list[str]:
    """Return the records of an order list, all quoted, with delimiters, quotes and line breaks inside values."""
    out = io.StringIO()
    how: Any = csv.QUOTE_ALL if quote else csv.QUOTE_MINIMAL
    writer = csv.writer(out, delimiter=sign, quoting=how, lineterminator="\0")
    writer.writerow(["date", "time", "qty", "product", "price", "note"])
    for n in range(rows):
        note = ["", "plain", 'a "quoted" word', f"one{sign} two", "two\r\nlines"][n % 5] if quote else f"note {n}"
        writer.writerow([f"2024-01-{n % 28 + 1:02}", f"{n % 24:02}:15", n, f"P{n:03}", f"{n}.50", note])
    return [record + end for record in out.getvalue().split("\0")[:-1]]


RAW = st.lists(
    st.sampled_from(
        ['"', ",", ",", ";", "\n", "\n", "\r\n", "a", "1", "2.5", "", " ", '""', "\\", "'", "é", "\t", "x,y\n"]
    ),
    max_size=60,
).map("".join)


@QUICK
@given(RAW, st.integers(1, 4))
@example("t\n\na,b,c\n1,2,3\n4,5,6\n", 1)
@example("a,b,c\n1,2,3\n1,2,3\nx\ny\n", 1)
def test_recipe_of_any_text_is_the_profile(tmp_path: Path, text: str, rows: int) -> None:
    path = write(tmp_path / "raw.csv", text)
    profiles = []
    for chunk in (rows, 50_000):
        try:
            profiles.append(profile_csv(path, chunk_rows=chunk, bad_rows_percent=100))
        except CsvRejected:
            profiles.append(None)
    assert (profiles[0] is None) == (profiles[1] is None)
    if profiles[0] and profiles[1]:
        assert_recipe(path, profiles[0])
        assert profiles[0].recipe == profiles[1].recipe
        assert (profiles[0].bad_rows, profiles[0].bad) == (profiles[1].bad_rows, profiles[1].bad)


LINES = st.lists(
    st.sampled_from(
        [
            "1,2,3",
            "4,5,6",
            "7,8,9",
            "x,y,z",
            "1,2",
            "1,2,3,4",
            "note",
            '"a,b",2,3',
            '"open,2,3',
            '"a\nb",2,3',
            "",
            ",,",
            "n,,",
        ]
    ),
    max_size=30,
)


@QUICK
@given(LINES, LINES, st.integers(1, 4), st.sampled_from(["\n", "\r\n"]))
def test_recipe_of_regular_text_with_defects_is_the_profile(
    tmp_path: Path, above: list[str], below: list[str], rows: int, end: str
) -> None:
    body = ["a,b,c", *[f"{n},{n}.5,w{n}" for n in range(12)]]
    path = write(tmp_path / "raw.csv", end.join([*above[:3], *body, *below, ""]))
    try:
        profile = profile_csv(path, chunk_rows=rows, bad_rows_percent=100)
    except CsvRejected:
        return
    assert_recipe(path, profile)
    assert profile_csv(path, bad_rows_percent=100).recipe == profile.recipe


STRUCTURES: dict[str, tuple[list[str], str]] = {
    "doubled": (["id||name||v"], "{n}||w{n}||{n}.5"),
    "no header": ([], "{n:04};{n}.5;w{n};2024-01-{d:02}"),
    "closing delimiter": (["id;name;v"], "{n};w{n};{n}.5;"),
    "titles": (["Report", "", "id;name;v"], "{n};w{n};{n}.5"),
    "blanks before quotes": (["id,name,v"], '{n}, "w, {n}", "{n}.5"'),
    "escapes": (["id,name,v"], '{n},"a \\"w\\", {n}",{n}.5'),
    "single quotes": (["id,name,v"], "{n},'w, {n}','{n}.5'"),
    "stray quotes": (["id;name;v"], '{n};"w{n};{n}.5'),
    "hive": ([], "{n}\x01w{n}\x01{n}.5\x01\\N"),
}
DEFECTS = [
    "",
    "x",
    "x;y",
    "1;2;3;4;5;6",
    "1||2||3||4",
    '"',
    '"open',
    "a,b",
    "1,2,3,4,5",
    "'",
    ";;;",
    "note;;",
    "||",
    "\\",
    "1\x012",
]


@QUICK
@given(
    st.sampled_from(list(STRUCTURES)),
    st.lists(st.tuples(st.integers(0, 40), st.sampled_from(DEFECTS)), max_size=3),
    st.integers(1, 9),
)
def test_recipe_of_each_structure_with_defects_is_the_profile(
    tmp_path: Path, structure: str, defects: list[tuple[int, str]], rows: int
) -> None:
    above, row = STRUCTURES[structure]
    lines = [*above, *(row.format(n=n, d=n % 28 + 1) for n in range(36))]
    for place, defect in defects:
        lines.insert(min(place, len(lines)), defect)
    path = write(tmp_path / "made.csv", "\n".join(lines) + "\n")
    try:
        profile = profile_csv(path, chunk_rows=rows, bad_rows_percent=100)
    except CsvRejected:
        return
    assert_recipe(path, profile)
    whole = profile_csv(path, bad_rows_percent=100)
    assert (whole.recipe, whole.bad, whole.short_rows) == (profile.recipe, profile.bad, profile.short_rows)


def test_recipe_of_a_plain_file_is_four_words(tmp_path: Path) -> None:
    profile = profile_csv(write(tmp_path / "f.csv", "a,b\n1,2.5\n3,4.5\n"))
    assert profile.recipe == {"sep": ",", "encoding": "utf-8", "decimal": ".", "low_memory": False}


def made(tmp_path: Path, text: str, **how: Any) -> tuple[CsvProfile, pd.DataFrame]:
    path = write(tmp_path / "made.csv", text)
    profile = profile_csv(path, **how)
    return profile, assert_recipe(path, profile)


@pytest.mark.parametrize("place", [2, 20, 41])
def test_one_long_row_is_left_out_and_told_with_its_line(tmp_path: Path, place: int) -> None:
    records = [f"{n},a{n},{n}.5\n" for n in range(100)]
    records.insert(place - 2, "1,x,2.5,too much\n")
    profile, frame = made(tmp_path, "id,name,value\n" + "".join(records))
    assert (profile.rows, profile.bad_rows, profile.bad[0].line) == (100, 1, place)
    assert list(frame.columns) == ["id", "name", "value"]
    assert any(f"1 row is left out: line {place}:" in hint for hint in profile.hints)


def test_too_many_bad_rows_are_rejected_with_their_number(tmp_path: Path) -> None:
    text = "a,b\n" + "1,2\n" * 97 + "1,2,3\n" * 3
    path = write(tmp_path / "f.csv", text)
    with pytest.raises(CsvRejected, match=r"line 99: 3 of 100 rows cannot be read .* 3 fields where 2 are expected"):
        profile_csv(path)
    assert profile_csv(path, bad_rows_percent=3).bad_rows == 3


@pytest.mark.parametrize(("rows", "percent", "lands"), [(51, 1, True), (50, 1, False), (34, 2, True), (1000, 0, False)])
def test_percentage_of_bad_rows_is_rounded_down_and_zero_allows_none(
    tmp_path: Path, rows: int, percent: int, lands: bool
) -> None:
    path = write(tmp_path / "f.csv", "a,b\n" + "1,2\n" * (rows - 1) + "1,2,3\n")
    if lands:
        assert profile_csv(path, bad_rows_percent=percent).bad_rows == 1
    else:
        with pytest.raises(CsvRejected, match=rf"line {rows + 1:,}: this row has 3 fields where 2 are expected"):
            profile_csv(path, bad_rows_percent=percent)


@pytest.mark.parametrize("place", [1, 10, 25, 40])
@pytest.mark.parametrize("field", range(6))
def test_one_extra_quote_costs_a_row_or_two(tmp_path: Path, place: int, field: int) -> None:
    records = table(100)
    parts = records[place].split('","')
    parts[field] = '"' + parts[field] if field else '""' + parts[field][1:]
    records[place] = '","'.join(parts)
    profile, frame = made(tmp_path, "".join(records))
    assert 97 <= profile.rows <= 101
    assert list(frame.columns)[:2] == ["date", "time"]


def test_an_extra_quote_in_the_last_field_of_the_file_leaves_the_rows_above(tmp_path: Path) -> None:
    records = table(100)
    records[-1] = records[-1].rstrip()[:-1] + '"""\r\n'
    profile, _ = made(tmp_path, "".join([*records[:-1], records[-1].replace('"99.50",', '"99.50","')]))
    assert profile.rows >= 98


def test_stray_quotes_in_values_are_plain_text(tmp_path: Path) -> None:
    rows = [f"{n};{'' if n % 3 else chr(34)}FUNDO {n};{n},5" for n in range(90)]
    profile, frame = made(tmp_path, "CODIGO;NOME;VALOR\n" + "\n".join(rows) + "\n")
    assert profile.shape == (90, 3)
    assert profile.recipe["quoting"] == csv.QUOTE_NONE
    assert frame["NOME"][0] == '"FUNDO 0'


@pytest.mark.parametrize(
    "above", ["Report\n", "Report\r\nJanuary to March\r\n\r\n", "Report,,,,,\n\n", "# a\n# b, c\n"]
)
def test_lines_above_the_header_are_left_out(tmp_path: Path, above: str) -> None:
    profile, frame = made(tmp_path, above + "".join(table()))
    assert profile.shape == (40, 6)
    assert frame.columns[0] == "date"


@pytest.mark.parametrize(
    "below", ["Source: x\r\n", "\r\nTotal\r\nSource: x\r\n", "Note,,,,,\r\n,,,,,\r\nSource,,,,,\r\n"]
)
def test_lines_below_the_table_are_left_out_and_told(tmp_path: Path, below: str) -> None:
    profile, _ = made(tmp_path, "".join(table()) + below)
    assert profile.shape == (40, 6)
    assert any("below the table" in hint for hint in profile.hints)


def test_a_file_without_header_has_numbered_columns(tmp_path: Path) -> None:
    records = [f'"{n:08}";"0001";"EMPRESA {n}";"2062";"{n}00,00";""\n' for n in range(30)]
    profile, _ = made(tmp_path, "".join(records))
    assert profile.shape == (30, 6)
    assert [column.name for column in profile.columns] == ["0", "1", "2", "3", "4", "5"]
    assert any("No line names the columns" in hint for hint in profile.hints)
    dialect = CsvDialect(names=("cnpj", "ordem", "nome", "natureza", "capital", "ente"), header=False, text=("cnpj",))
    profile = profile_csv(tmp_path / "made.csv", dialect)
    frame = assert_recipe(tmp_path / "made.csv", profile)
    assert frame["cnpj"][1] == "00000001"


def test_two_header_lines_with_gaps_leave_the_lower_one(tmp_path: Path) -> None:
    rows = "".join(f"Cidade {n};{n};{n + 1};{n + 2}\n" for n in range(20))
    text = "Tabela 1\n\n;2019;2019;2020\nMunicípio;Total;Urbana;Rural\n" + rows + "Fonte: IBGE\nNota: x\n"
    profile, frame = made(tmp_path, text)
    assert list(frame.columns) == ["Município", "Total", "Urbana", "Rural"]
    assert profile.rows == 20


def test_a_delimiter_at_the_end_of_each_row_makes_no_index(tmp_path: Path) -> None:
    profile, frame = made(tmp_path, "a;b;c\n" + "".join(f"{n};x;{n},5;\n" for n in range(20)))
    assert list(frame.columns) == ["a", "b", "c"]
    assert frame["a"].tolist() == list(range(20))
    assert any("ends with a delimiter" in hint for hint in profile.hints)


@pytest.mark.parametrize("sign", ["||", ";;", "\t\t"])
def test_doubled_delimiters_are_one(tmp_path: Path, sign: str) -> None:
    text = "".join(
        sign.join(["id", "name", "value"]) + "\n" if not n else f"{n}{sign}w{n}{sign}{n}.5\n" for n in range(30)
    )
    profile, frame = made(tmp_path, text)
    assert list(frame.columns) == ["id", "name", "value"]
    assert [column.dtype for column in profile.columns] == ["int64", "str", "float64"]


@pytest.mark.parametrize("sign", ["\x01", "\x1f", "|", "\t", ";", ":", " ", "~"])
def test_other_delimiters_are_found(tmp_path: Path, sign: str) -> None:
    _, frame = made(tmp_path, "".join(table(sign=sign)))
    assert list(frame.columns) == ["date", "time", "qty", "product", "price", "note"]


def test_blanks_between_delimiters_and_quotes_are_left_out(tmp_path: Path) -> None:
    _, frame = made(tmp_path, "".join(table()).replace('","', '", "'))
    assert list(frame.columns) == ["date", "time", "qty", "product", "price", "note"]
    assert frame["note"][3] == "one, two"


def test_quotes_that_a_backslash_escapes_are_read_so(tmp_path: Path) -> None:
    text = "id,said\n" + "".join(f'{n},"he said \\"no, no\\" {n}"\n' for n in range(20))
    profile, frame = made(tmp_path, text)
    assert profile.recipe["escapechar"] == "\\"
    assert frame["said"][1] == 'he said "no, no" 1'


def test_single_quotes_are_found(tmp_path: Path) -> None:
    _, frame = made(tmp_path, "".join(table()).replace('"', "'"))
    assert list(frame.columns)[:2] == ["date", "time"]


def test_stated_reading_is_used(tmp_path: Path) -> None:
    path = write(tmp_path / "f.csv", "x\ny\nid;total;code\n1;1.234,5;007\n2;--;008\n! note\nsum;0;0\n")
    dialect = CsvDialect(
        delimiter=";", decimal=",", thousands=".", missing=("--",), skip=2, footer=1, text=("code",), comment="!"
    )
    profile = profile_csv(path, dialect)
    frame = assert_recipe(path, profile)
    assert frame["total"].tolist()[0] == 1234.5
    assert frame["code"].tolist() == ["007", "008"]
    assert profile.rows == 2


STATED = CsvDialect(
    dates=(("day", "%d/%m/%Y"), ("when", "%Y%m%d"), ("odd", "%d/%m/%Y"), ("absent", "%Y")),
    column_missing=(("value", ("-",)), ("day", ("00/00/0000",)), ("name", ("?",))),
    missing=("s/d",),
    text=("code",),
)


@pytest.mark.parametrize("rows", [1, 7, 50_000])
@pytest.mark.parametrize("title", ["", "Report\n\n"])
def test_what_is_stated_of_columns_is_what_pandas_is_told(tmp_path: Path, rows: int, title: str) -> None:
    lines = [
        f"{n:04};{n % 28 + 1:02}/02/2024;202403{n % 28 + 1:02};{n % 28 + 1:02}/02/2024;{n}.5;n{n}" for n in range(40)
    ]
    lines[3], lines[9] = "0003;00/00/0000;s/d;12/12/2023;-;?", "0009;;;31/02/2024;s/d;s/d"
    path = write(tmp_path / "f.csv", title + "code;day;when;odd;value;name\n" + "\n".join(lines) + "\n")
    profile = profile_csv(path, STATED, chunk_rows=rows)
    assert_recipe(path, profile)
    assert [(column.dtype, column.non_null) for column in profile.columns] == [
        ("str", 40),
        ("datetime64[us]", 38),
        ("datetime64[us]", 38),
        ("str", 40),
        ("float64", 38),
        ("str", 38),
    ]


def test_a_stated_date_without_any_value_is_what_pandas_makes_of_it(tmp_path: Path) -> None:
    dialect = CsvDialect(delimiter=",", decimal=".", quotechar='"', dates=(("day", "%d/%m/%Y"),))
    for text in ("id,day\n1,\n2,\n", "id,day\n"):
        path = write(tmp_path / "f.csv", text)
        assert_recipe(path, profile_csv(path, dialect))


def test_a_hint_that_quotes_a_cell_keeps_a_quiet_form_across_processes(tmp_path: Path) -> None:
    rows = "".join(f"0131{n:04};R$ {n}.000,50;{n}.000,5;S{n};{n:02}/12/2024\n" for n in range(1, 30))
    path = write(tmp_path / "f.csv", "cep;valor;total;nome;dia\n" + rows + "Fonte: SECRET\n")
    hints = pickle.loads(pickle.dumps(profile_csv(path))).hints
    cells = ("01310001", "R$ 1", "1.000,5", "01/12", "SECRET")
    quoting = [hint for hint in hints if any(cell in hint for cell in cells)]
    assert len(quoting) == 5
    for hint in quoting:
        assert not any(cell in hint.quiet for cell in cells)
        assert hint.quiet.endswith(".")
