"""The examples of docs/querying.md, run on a lake with three days of the sample data."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest

from flows.lake import keys
from flows.lake.manifests import manifest
from flows.lake.manifests.athena_ddl import ddl
from flows.lake.manifests.store import ManifestStore
from flows.lake.models import SourceFile
from flows.lake.raw.ingest_file import read_file, store_file
from flows.lake.raw.raw_layer import RawLayer
from flows.lake.s3.bucket import Bucket
from tests.conftest import fresh_bucket_name
from tests.tools.rules import RULES
from tests.tools.servers import S3Server
from tests.unit.reports.test_run_report import summary

PAGE = Path(__file__).parents[3] / "docs/querying.md"
SAMPLE = Path(__file__).parents[3] / "data/sample"
DAYS = [date(2024, 3, 3) + timedelta(days=n) for n in range(3)]


@dataclass(frozen=True)
class Landed:
    """A bucket with the sample data of three days."""

    server: S3Server
    bucket: str

    def example(self, text: str) -> str:
        return text.replace("lake/my-lake", f"{self.server.root}/{self.bucket}").replace("my-lake", self.bucket)

    def manifest(self, day: date) -> manifest.Manifest:
        store = ManifestStore(Bucket(self.server.client(), self.bucket))
        (stored,) = store.between(day, day)
        return store.read(stored.key)


@pytest.fixture(scope="module")
def landed(rclone: S3Server) -> Landed:
    client, bucket = rclone.client(), fresh_bucket_name()
    client.create_bucket(Bucket=bucket)
    for day in DAYS:
        outcomes = []
        for path in sorted(SAMPLE.glob("*.csv")):
            dataset = keys.dataset_of(path.name)
            file = SourceFile(path, dataset, keys.raw_key(path, dataset, day), path.stat().st_size, RULES)
            outcomes.append(store_file(file, read_file(file), RawLayer(Bucket(client, bucket))))
        made = manifest.of_run(
            summary(*outcomes, day=day, bucket=bucket), 1, datetime.combine(day, datetime.min.time(), UTC), {}
        )
        keys_of_run = keys.manifest_keys(day, f"{day} sample", "0", 1)
        ManifestStore(Bucket(client, bucket)).store(manifest.to_json(made), keys_of_run)
    return Landed(rclone, bucket)


def examples(language: str) -> list[str]:
    found = re.findall(rf"^```{language}\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    assert found
    return found


@pytest.fixture
def aws_settings(landed: Landed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", landed.server.endpoint_url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", landed.server.access_key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", landed.server.secret_key)
    monkeypatch.setenv("AWS_DEFAULT_REGION", landed.server.region)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)  # another test's knows no credentials


def test_pandas_examples_read_what_the_manifest_says(landed: Landed, aws_settings: None) -> None:
    first, second = examples("python")
    names: dict[str, Any] = {}
    exec(landed.example(first), names)
    held = landed.manifest(DAYS[-1]).files[0]
    assert {name: str(dtype) for name, dtype in names["movies"].dtypes.items()} == {
        column.name: column.dtype for column in held.columns
    }
    assert names["movies"].shape == (held.rows, len(held.columns))
    exec(landed.example(second), names)
    assert str(names["movies"].dtypes["anoLancamento"]) == "float64"


def test_duckdb_examples_count_days_datasets_and_dtypes(landed: Landed) -> None:
    duckdb = pytest.importorskip("duckdb", reason="DuckDB is no requirement of the tests")
    days, landings, dtypes = (duckdb.sql(landed.example(text)).fetchall() for text in examples("sql"))
    assert [(day, performers) for day, performers, *_ in days] == [(day, 1000) for day in DAYS]
    assert [(row[0], row[1], row[2], row[3], row[5]) for row in landings] == [
        (day, dataset, "uploaded", 1000, 0) for day in DAYS for dataset in ("Movies", "Series")
    ]
    assert ("Movies", "notaMedia", "float64", DAYS[0]) in dtypes
    assert len(dtypes) == 15 + 16


def test_athena_view_of_the_reference_data_gives_types_and_nulls(landed: Landed) -> None:
    duckdb = pytest.importorskip("duckdb", reason="DuckDB is no requirement of the tests")
    statements = ddl(landed.manifest(DAYS[-1]), database="lake")
    view = re.search(r'CREATE OR REPLACE VIEW "lake"."movies" AS.*?;', statements, re.DOTALL)
    assert view is not None
    names = [name.lower() for name in (SAMPLE / "movies.csv").read_text().split("\n")[0].split("|")]
    with duckdb.connect() as lake:
        lake.execute("CREATE SCHEMA lake")
        lake.execute(
            "CREATE TABLE lake.movies_text AS SELECT *, '2024/03/05' AS day FROM read_csv(?, delim = '|', quote = '\"',"
            " escape = '\"', header = false, skip = 1, all_varchar = true, names = ?)",
            [str(SAMPLE / "movies.csv"), names],
        )
        lake.execute(view[0])
        types = {name: kind for name, kind, *_ in lake.execute("DESCRIBE lake.movies").fetchall()}
        assert (types["notamedia"], types["numerovotos"], types["id"]) == ("DOUBLE", "BIGINT", "VARCHAR")
        nulls = "SELECT count(*), count(anofalecimento), count(notamedia) FROM lake.movies"
        assert lake.execute(nulls).fetchone() == (1000, 436, 1000)
