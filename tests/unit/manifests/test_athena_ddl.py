"""The statements that make datasets tables of Athena: one reader for plain files, another for quoted ones."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from flows.lake.contracts.collection import Contracts, load
from flows.lake.errors import SettingsError
from flows.lake.manifests import athena_ddl, manifest
from flows.lake.models import ColumnProfile, CsvProfile, FileOutcome
from tests.unit.reports.test_run_report import profile, summary

TABLE = r"""-- Orders: days before 2024-01-01 are not seen.
CREATE EXTERNAL TABLE IF NOT EXISTS `lake`.`orders` (
  `id` bigint,
  `preco` double,
  `day_2` string,
  `id_2` decimal(20,0),
  `_1` boolean
)
PARTITIONED BY (`day` string)
ROW FORMAT SERDE 'org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe'
WITH SERDEPROPERTIES (
  'field.delim' = '\t',
  'serialization.null.format' = '\\N',
  'serialization.encoding' = 'windows-1252'
)
LOCATION 's3://lake/Raw/Local/CSV/Orders/'
TBLPROPERTIES (
  'skip.header.line.count' = '1',
  'projection.enabled' = 'true',
  'projection.day.type' = 'date',
  'projection.day.format' = 'yyyy/MM/dd',
  'projection.day.range' = '2024/01/01,NOW+1DAYS',
  'projection.day.interval' = '1',
  'projection.day.interval.unit' = 'DAYS',
  'storage.location.template' = 's3://lake/Raw/Local/CSV/Orders/${day}/'
);
"""


def held(text: str = "a:int64", **changes: object) -> CsvProfile:
    columns = tuple(ColumnProfile(*word.split(":"), 1) for word in text.split())  # type: ignore[arg-type]
    return replace(profile(), columns=columns, **changes)  # type: ignore[arg-type]


def ddl(
    *profiles: CsvProfile,
    dataset: str = "Orders",
    state: str = "uploaded",
    since: date | None = None,
    contracts: Contracts | None = None,
) -> str:
    outcomes = [
        FileOutcome(Path(f"{n}.csv"), dataset, f"Raw/Local/CSV/{dataset}/2024/03/05/{n}.csv", state, profile=one)  # type: ignore[arg-type]
        for n, one in enumerate(profiles)
    ]
    made = manifest.of_run(summary(*outcomes), 1, datetime(2024, 3, 5, tzinfo=UTC), contracts or {})
    return athena_ddl.ddl(made, database="Lake", since=since)


def test_ddl_of_plain_files_has_types_null_format_encoding_and_projected_days() -> None:
    text = "Id:int64 preço:float64 day:str ID:uint64 1:bool"
    assert ddl(held(text, delimiter="\t", encoding="cp1252")) == TABLE


def test_ddl_of_quoted_files_is_text_with_a_typed_view() -> None:
    text = ddl(held("a:int64 b:str", quoted=True, delimiter=";"))
    assert "`orders_text` (\n  `a` string,\n  `b` string\n)" in text
    assert "'separatorChar' = ';',\n  'quoteChar' = '\"',\n  'escapeChar' = '\\u0001'" in text
    assert 'CREATE OR REPLACE VIEW "lake"."orders" AS' in text
    assert (
        """  try_cast("a" AS bigint) AS "a",\n  nullif("b", '\\N') AS "b",\n  "day"\nFROM "lake"."orders_text";"""
        in text
    )


def test_ddl_of_decimal_comma_turns_it_in_the_view() -> None:
    text = ddl(held("a:float64", decimal=",", delimiter=";"))
    assert """try_cast(replace(replace("a", '.', ''), ',', '.') AS double) AS "a\"""" in text
    assert "LazySimpleSerDe" in text


def test_ddl_of_quoted_files_that_are_not_utf_8_warns() -> None:
    assert "-- The files are windows-1252" in ddl(held(quoted=True, encoding="cp1252"))


def test_ddl_names_the_first_day() -> None:
    assert "'2023/12/01,NOW+1DAYS'" in ddl(held(), since=date(2023, 12, 1))


def test_ddl_of_files_of_one_dataset_takes_the_wider_dtype() -> None:
    text = ddl(held("a:int64 b:int64"), held("a:float64 b:str"))
    assert "`a` double,\n  `b` string" in text


@pytest.mark.parametrize("other", [held("b:int64"), held(delimiter=";"), held(encoding="cp1252")])
def test_ddl_of_files_of_one_dataset_that_differ_is_refused(other: CsvProfile) -> None:
    with pytest.raises(SettingsError, match="The 2 files of Orders differ"):
        ddl(held(), other)


def test_ddl_of_utf_16_is_refused() -> None:
    with pytest.raises(SettingsError, match="utf-16"):
        ddl(held(encoding="utf-16"))


def test_ddl_of_a_run_that_landed_nothing_is_refused() -> None:
    with pytest.raises(SettingsError, match="No file landed"):
        ddl(held(), state="rejected")


def test_ddl_escapes_a_dataset_with_a_quote() -> None:
    assert r"LOCATION 's3://lake/Raw/Local/CSV/It\'s/'" in ddl(held(), dataset="It's")


@pytest.mark.parametrize("content", [b"{", b'{"schema_version": 2}'])
def test_main_of_what_is_no_manifest_says_so(
    content: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "m.json").write_bytes(content)
    assert athena_ddl.main([str(tmp_path / "m.json")]) == 1
    assert "is not a manifest" in capsys.readouterr().err


def test_main_writes_the_statements(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = manifest.of_run(
        summary(FileOutcome(Path("a.csv"), "A", "Raw/Local/CSV/A/2024/03/05/a.csv", "uploaded", profile=held())),
        1,
        datetime(2024, 3, 5, tzinfo=UTC),
        {},
    )
    (tmp_path / "m.json").write_text(manifest.to_json(made))
    assert athena_ddl.main([str(tmp_path / "m.json"), "--since", "2020-01-01"]) == 0
    assert "CREATE EXTERNAL TABLE IF NOT EXISTS `a` (" in capsys.readouterr().out


def test_ddl_takes_descriptions_and_the_first_day_from_the_contract() -> None:
    contract = {
        "description": "The web shop's orders",
        "expect": {"every": "daily", "since": "2020-02-01"},
        "columns": {"preço": {"description": "With tax\nin BRL"}},
    }
    text = ddl(held("id:int64 preço:float64"), contracts=load({"Orders": contract}))
    assert r"  `preco` double COMMENT 'With tax\\nin BRL'" in text
    assert "\n)\nCOMMENT 'The web shop\\'s orders'\nPARTITIONED BY" in text
    assert "'projection.day.range' = '2020/02/01,NOW+1DAYS'" in text
