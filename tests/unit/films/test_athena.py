from __future__ import annotations

import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from flows.lake.films import athena, engine, layout, refined, selection, title_languages, tmdb_answers, trusted
from tests.unit.films.conftest import row

OF_DUCKDB = {
    "BIGINT": "bigint",
    "VARCHAR": "string",
    "VARCHAR[]": "array<string>",
    "INTEGER": "int",
    "SMALLINT": "smallint",
    "DOUBLE": "double",
    "DECIMAL(3,1)": "decimal(3,1)",
}


def columns_of(database: Any, path: Path) -> dict[str, str]:
    query = f"DESCRIBE SELECT * FROM read_parquet({engine.text(path)}, hive_partitioning=false)"
    return {name: OF_DUCKDB[kind] for name, kind, *_ in database.execute(query).fetchall()}


def test_tables_have_the_columns_of_the_files(database: Any, load: Any, tmp_path: Path) -> None:
    load(row())
    for table, query in (("titles", trusted.TITLES), ("performers", trusted.PERFORMERS)):
        ((_, path),) = engine.write_by_year(database, query, tmp_path / table)
        assert columns_of(database, path) == athena.TRUSTED[table], table  # type: ignore[index]
    tmdb_answers.load(database, ())
    title_languages.identify_all(database)
    selection.select(database, selection.Criteria(last_year=2026))
    refined.build(database)
    for table, path in refined.write(database, tmp_path / "refined"):
        assert columns_of(database, path) == athena.REFINED[table], table


def test_ddl_projects_days_and_years_where_the_files_lie() -> None:
    text = athena.ddl("my-lake", "lake", date(2026, 1, 1))
    statements = [one for one in text.split(";\n") if one.strip()]
    assert len(statements) == len(layout.TRUSTED_TABLES) + len(layout.REFINED_TABLES)
    titles = statements[0]
    assert titles.startswith("CREATE EXTERNAL TABLE IF NOT EXISTS `lake`.`films_titles` (")
    (template,) = re.findall(r"'storage.location.template' = '([^']+)'", titles)
    place = template.replace("${day}", "2026-11-28").replace("${release_year}", "2016")
    assert place == f"s3://my-lake/{layout.trusted_prefix('titles', date(2026, 11, 28))}/release_year=2016/"
    film = next(one for one in statements if "`films_film`" in one)
    (template,) = re.findall(r"'storage.location.template' = '([^']+)'", film)
    key = layout.refined_key("film", date(2026, 11, 28))
    assert f"s3://my-lake/{key}".startswith(template.replace("${day}", "2026-11-28"))
    for statement in statements:
        assert statement.count("(") == statement.count(")")
        assert statement.count("'") % 2 == 0


@pytest.mark.parametrize("arguments", [["my-lake"], []])
def test_command_without_a_day_or_bucket_says_so(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        athena.main(arguments)
    assert "required" in capsys.readouterr().err
