"""The text to copy that reads a dataset: it runs, whatever the names, and gives what the manifest says."""

from __future__ import annotations

from pathlib import Path
from unittest.mock import MagicMock, patch

import duckdb
import pandas as pd
import pytest

from flows.lake.catalog.how_to_read import how_to_read, sql_text
from flows.lake.catalog.records import HowToRead
from flows.lake.manifests import manifest
from flows.lake.models import FileOutcome
from flows.lake.tables.profile import profile_csv
from tests.tools.catalogs import DAY, archive_manifest, manifest_of

FILES = {
    "plain.csv": b"id,nome\n1,ana\n2,bia\n",
    "reais.csv": "id;preço\n1;1,50\n2;2,25\n".encode(),
    'it\'s "quoted".csv': b'id|nome\n1|"a|b"\n2|c\n',
    "tab\u202e[1]*.csv": b"id\tnome\n1\tx\n2\ty\n",
}


def text_of(path: Path, bucket: str = "a-lake") -> HowToRead:
    profile = profile_csv(path)
    key = f"Raw/Local/CSV/O'Data [1]/2024/03/05/{path.name}"
    outcome = FileOutcome(path, "O'Data [1]", key, "uploaded", profile=profile)
    made: manifest.Manifest = manifest_of(DAY, outcome, bucket=bucket)
    return how_to_read(made, list(made.files), DAY)


@pytest.mark.parametrize("name", FILES)
def test_text_for_pandas_reads_the_file(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(FILES[name])
    text, asked = text_of(path).pandas, MagicMock()
    asked.return_value.get_object.side_effect = lambda Bucket, Key: {"Body": path.open("rb")}
    scope: dict[str, pd.DataFrame] = {}
    with patch("boto3.client", asked):
        exec(text, scope)
    asked.return_value.get_object.assert_called_once_with(
        Bucket="a-lake", Key=f"Raw/Local/CSV/O'Data [1]/2024/03/05/{name}"
    )
    assert scope["frame"].shape == (2, 2)
    assert [str(dtype) for dtype in scope["frame"].dtypes] == [column.dtype for column in profile_csv(path).columns]


@pytest.mark.parametrize("name", FILES)
def test_text_for_duckdb_reads_the_folder(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(FILES[name])
    folder = tmp_path / "lake/a-lake/Raw/Local/CSV/O'Data [1]/2024/03/05"
    folder.mkdir(parents=True)
    (folder / name).write_bytes(FILES[name])
    text = text_of(path).duckdb.partition("\n")[2].partition("\n")[2]
    found = duckdb.sql(text.replace("s3://a-lake", f"{tmp_path}/lake/a-lake")).df()
    assert len(found) == 2
    assert str(found["day"][0])[:10] == "2024-03-05"
    assert list(found["id"]) == [1, 2]


def test_literal_shows_what_cannot_be_seen_and_stays_the_same() -> None:
    for text in ("", "plain", "it's", "a\\b", "\u202egnp", "tab\there\\", "é🎬"):
        literal = sql_text(text)
        assert literal.isprintable()
        assert duckdb.sql(f"SELECT {literal}").limit(1).fetchall() == [(text,)]


def test_text_for_duckdb_says_what_an_encoding_needs(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes("id;preço\n1;ação\n2;não\n".encode("cp1252"))
    assert "INSTALL encodings" in text_of(path).duckdb


def test_text_for_pandas_reads_a_member_of_an_archive(tmp_path: Path) -> None:
    made = archive_manifest({"leia-me.txt": "x", "b/vendas.csv": "id;preço\n1;1,50\n2;2,25\n"}, tmp_path / "a.zip")
    found, asked = how_to_read(made, list(made.files), DAY), MagicMock()
    asked.return_value.download_file.side_effect = lambda Bucket, Key, Filename: None
    scope: dict[str, pd.DataFrame] = {}
    with patch("boto3.client", asked):
        exec(found.pandas.replace('"archive.zip"', repr(str(tmp_path / "a.zip"))), scope)
    assert scope["frame"]["preço"].tolist() == [1.5, 2.25]
    assert found.athena_problem
    assert "unpack" in found.athena_problem
