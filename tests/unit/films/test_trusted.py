from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from flows.lake.errors import AnalysisInputMissing
from flows.lake.films import engine, trusted
from tests.unit.films.conftest import HEADER, raw_input, row


def test_load_takes_each_title_once_and_gives_it_types(database: Any, load: Any) -> None:
    load(row(), row(name="Bárbara Colen", born=r"\N"), row("tt0000002", original=r"\N", genres=r"\N", minutes=r"\N"))
    titles = database.execute("SELECT * EXCLUDE (votes) FROM titles ORDER BY title_id").fetchall()
    assert titles[0][:6] == ("tt0000001", "Bacurau", "Bacurau", 2019, 131, ["Drama", "Mystery"])
    assert str(titles[0][6]) == "7.3"
    assert titles[1][2:6] == ("Bacurau", 2019, None, None)  # no original title: the title is the original one
    assert database.execute(
        f"SELECT name, birth_year, professions FROM ({trusted.PERFORMERS}) ORDER BY name, title_id"
    ).fetchall() == [
        ("Bárbara Colen", None, ["actress", "producer"]),
        ("Sônia Braga", 1950, ["actress", "producer"]),
        ("Sônia Braga", 1950, ["actress", "producer"]),
    ]


@pytest.mark.parametrize(
    ("rows", "defect", "number"),
    [
        ((row(year=r"\N"), row("tt2")), "years", 1),
        ((row(year="3019"),), "years", 1),
        ((row(rating="11.0"), row(rating="11.0", name="Udo Kier")), "ratings", 1),
        ((row(rating="good"),), "ratings", 1),
        ((row(rating=r"\N"),), "ratings", 0),
        ((row(""), row()), "without_id", 1),
        ((row("nm0000001"), row()), "without_id", 1),
        ((row(), row(), row()), "doubled", 2),
        ((row(), row(character="Domingas")), "doubled", 1),
        ((row(), row(title="Nighthawk")), "differing", 1),
        ((row() + "|one|two", row("tt2")), "unreadable_rows", 1),
        (("tt3|short", row("tt2")), "unreadable_rows", 1),
    ],
)
def test_load_counts_what_is_wrong(load: Any, rows: tuple[str, ...], defect: str, number: int) -> None:
    assert getattr(load(*rows), defect) == number


def test_load_takes_a_rating_out_of_range_as_missing_and_keeps_the_film(database: Any, load: Any) -> None:
    load(row(rating="0.0"), row("tt2", rating="7,4"))
    assert [
        str(rating) for (rating,) in database.execute("SELECT rating FROM titles ORDER BY 1 NULLS FIRST").fetchall()
    ] == [
        "None",
        "7.4",
    ]


def test_load_of_rows_without_any_id_says_so(load: Any) -> None:
    with pytest.raises(AnalysisInputMissing, match="None of the 1 rows"):
        load(row("?"))


def test_load_takes_the_title_under_its_right_spelling(database: Any, load: Any) -> None:
    load(row(), header=HEADER.replace("tituloPincipal", "tituloPrincipal"))
    assert database.execute("SELECT title FROM titles").fetchall() == [("Bacurau",)]


def test_load_keeps_quotes_and_separators_inside_quotes(database: Any, load: Any) -> None:
    load(row(title='"The ""B"" | Film"'))
    assert database.execute("SELECT title FROM titles").fetchall() == [('The "B" | Film',)]


@pytest.mark.parametrize(
    ("title", "unreadable"),
    [('"The "Big" Film"', 1), ('The "Big" Film', 0), ('"Two\nlines"', 0), ("x" * 3_000_000, 0)],
    ids=["stray quotes", "quotes inside", "line break", "long line"],
)
def test_load_reads_the_other_rows_whatever_is_in_a_title(
    database: Any, load: Any, title: str, unreadable: int
) -> None:
    defects = load(row(title=title), row("tt2"), row("tt3"))
    titles = {one for (one,) in database.execute("SELECT title_id FROM titles").fetchall()}
    assert titles >= {"tt2", "tt3"}
    assert len(titles) == 3 - unreadable
    assert defects.unreadable_rows == unreadable


@pytest.mark.parametrize("told", [" tt7", "TT7\t", "\u00a0tt7", "tt7 "])
def test_load_reads_an_id_with_blanks_or_in_capitals(database: Any, load: Any, told: str) -> None:
    assert load(row("tt7"), row(told)).doubled == 1
    assert database.execute("SELECT title_id FROM titles").fetchall() == [("tt7",)]


@pytest.mark.parametrize("told", [" Bacurau", "Bacurau  "])
def test_load_takes_blanks_around_a_text_away(database: Any, load: Any, told: str) -> None:
    assert load(row(), row(title=told, original=told, name="Udo Kier ")).differing == 0
    load_names = database.execute("SELECT name FROM performers ORDER BY name").fetchall()
    assert load_names == [("Sônia Braga",), ("Udo Kier",)]


def test_load_tidies_lists(database: Any, load: Any) -> None:
    load(row(genres=" Drama , Romance,,Drama"), row("tt2", genres=","), row("tt3", jobs="actress, producer"))
    assert database.execute("SELECT genres FROM titles ORDER BY title_id").fetchall() == [
        (["Drama", "Romance"],),
        (None,),
        (["Drama", "Mystery"],),
    ]
    stored = database.execute(f"SELECT professions FROM ({trusted.PERFORMERS}) WHERE title_id = 'tt3'").fetchall()
    assert stored == [(["actress", "producer"],)]


def test_write_by_year_writes_the_same_bytes_and_names_titles_without_year(
    database: Any, load: Any, tmp_path: Path
) -> None:
    load(*(row(f"tt{number}", year=str(2010 + number % 7) if number % 9 else r"\N") for number in range(500)))
    digests = []
    for name in ("one", "two"):
        files = engine.write_by_year(database, trusted.TITLES, tmp_path / name)
        digests.append([(place, hashlib.sha256(path.read_bytes()).hexdigest()) for place, path in files])
    assert digests[0] == digests[1]
    assert [place for place, _ in digests[0]][:2] == [
        "release_year=0/part-0000.parquet",
        "release_year=2010/part-0000.parquet",
    ]


@pytest.mark.parametrize(
    ("told", "decimal", "votes"),
    [
        ("32000", ".", 32_000), ("32.0", ".", 32), (" 32 ", ".", 32), ("007", ".", 7), (r"\N", ".", None),
        ("32.000", ",", 32_000), ("1.234.567", ",", 1_234_567), ("1.234,00", ",", 1234), ("32,0", ",", 32),
        ("32,000", ".", 32_000), ("2147483647", ".", 2_147_483_647), ("0", ".", 0),
    ],
)  # fmt: skip
def test_load_reads_whole_numbers_as_the_recipe_writes_them(
    database: Any, load: Any, told: str, decimal: str, votes: int | None
) -> None:
    defects = load(row(votes=told), decimal=decimal)
    assert database.execute("SELECT votes FROM titles").fetchall() == [(votes,)]
    assert defects.votes == 0


@pytest.mark.parametrize(
    ("field", "told", "defect"),
    [
        ("votes", "32.000", "votes"), ("votes", "2147483648", "votes"), ("votes", "1.5", "votes"),
        ("votes", "-3", "votes"), ("votes", "1e9999", "votes"), ("votes", "0x1F", "votes"),
        ("votes", "12 mil", "votes"),
        ("minutes", "131.5", "minutes"), ("minutes", "2h11", "minutes"), ("minutes", "1_000", "minutes"),
        ("minutes", "0", "minutes"), ("minutes", "-5", "minutes"), ("minutes", "123456789012345678901", "minutes"),
        ("year", "2019.4", "years"), ("year", "2019-05-01", "years"), ("rating", "NaN", "ratings"),
        ("rating", "inf", "ratings"), ("rating", "7.45", "rounded_ratings"), ("born", "1950?", "lives"),
        ("died", "40000", "lives"),
    ],
)  # fmt: skip
def test_load_counts_each_value_that_a_type_cannot_hold(load: Any, field: str, told: str, defect: str) -> None:
    defects = load(row(**{field: told}), row("tt2"))
    assert getattr(defects, defect) == 1
    assert (
        sum((defects.years, defects.ratings, defects.rounded_ratings, defects.minutes, defects.votes, defects.lives))
        == 1
    )


def test_load_of_a_quote_without_end_says_what_is_lost_with_it(database: Any, load: Any) -> None:
    with pytest.raises(AnalysisInputMissing, match=r"No row of .* can be read: .* line 2: ") as raised:
        load(row(title='"Bacurau'), row("tt2"), row("tt3"), rows=3)
    assert "2 rows behind are lost with it" in str(raised.value)


def test_load_counts_the_rows_behind_a_quote_without_end(load: Any) -> None:
    defects = load(row(), row("tt2", title='"Bacurau'), row("tt3"), row("tt4"), rows=4)
    assert (defects.rows, defects.unreadable_rows, defects.lost_rows) == (1, 1, 2)


@pytest.mark.parametrize("first", ["\n", "\r\n"])
def test_load_reads_a_file_that_mixes_line_ends(database: Any, tmp_path: Path, first: str) -> None:
    ends = [first, first, "\r\n", "\n", "\n", "\r\n"]
    lines = [HEADER, *(row(f"tt{number}") for number in range(5))]
    path = tmp_path / "films.csv"
    path.write_bytes("".join(map(str.__add__, lines, ends)).encode())
    defects = trusted.load(database, path, raw_input(rows=5))
    assert (defects.rows, defects.unreadable_rows, defects.lost_rows) == (5, 0, 0)
    assert database.execute("SELECT DISTINCT known_for FROM performers").fetchall() == [("tt0077452",)]


def test_load_of_a_file_with_nothing_but_a_header_says_so(load: Any) -> None:
    with pytest.raises(AnalysisInputMissing, match="has no rows below its header"):
        load()


def test_write_puts_performers_in_the_order_of_the_file_and_the_same_bytes_each_time(
    database: Any, load: Any, tmp_path: Path
) -> None:
    rows = [row(f"tt{number}", year=str(2010 + number % 7), name=f"Name {number % 3}") for number in range(400)]
    load(*rows, row("tt5", year="2011", name="Another"), row("tt9", character="Domingas", name="Name 0"))
    written = [trusted.write(database, tmp_path / name) for name in ("one", "two")]
    digests = [
        {
            (table, place): hashlib.sha256(path.read_bytes()).hexdigest()
            for table, files in one.items()
            for place, path in files
        }
        for one in written
    ]
    assert digests[0] == digests[1]
    assert len(digests[0]) == 14
    place, path = written[0]["performers"][1]
    assert place == "release_year=2011/part-0000.parquet"
    titles = [one for (one,) in database.execute(f"SELECT title_id FROM '{path}'").fetchall()]
    assert titles[:4] == ["tt1", "tt8", "tt15", "tt22"]
    assert titles.count("tt5") == 2 or titles.count("tt5") == 0  # both of its rows, under the year that counts
