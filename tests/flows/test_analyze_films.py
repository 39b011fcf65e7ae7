"""The flow `analyze-films` after real runs of `ingest-raw`, on the sample of real films."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import S3
from tests.flows.conftest import artifacts_of, logs_of, objects, store_block

SAMPLE = Path(__file__).parents[2] / "data/films"
DAY = date(2026, 11, 28)
REPORT = "Reports/Films/2026/11/28/index.html"


@pytest.fixture
def analyze(s3: S3) -> Any:
    from flows.analyze_films import analyze_films

    given: dict[str, Any] = {"bucket": s3.bucket, "credentials": store_block(f"films-{s3.server.name}", s3)}
    return lambda **more: analyze_films(return_state=True, **(given | {"partition_date": DAY} | more))


def test_analyze_films_without_tmdb_answers_what_needs_no_country_and_says_what_is_missing(
    ingest: Any, analyze: Any, s3: S3
) -> None:
    ingest(SAMPLE, partition_date=DAY)
    state = analyze()
    assert state.is_completed(), state.message
    assert f"s3://{s3.bucket}/{REPORT}" in state.message
    found = objects(s3)
    report = found[REPORT].decode()
    assert "Ricardo Darín" in report
    assert "not in English, from any country, as none is known." in report
    assert report.count("TMDB was not asked, so no country and no director is known.") == 3
    assert [key for key in found if key.startswith("Trusted/Films/titles/day=2026-11-28/release_year=2016/")]
    assert {key.split("/")[2] for key in found if key.startswith("Refined/")} == {
        "film", "person", "country", "language", "region", "film_person", "film_country",
    }  # fmt: skip
    (manifest,) = (json.loads(body) for key, body in found.items() if key.startswith("Manifests/Films/"))
    assert {one["key"] for one in manifest["made"]} == {
        key for key in found if key.startswith(("Trusted/", "Refined/", "Reports/"))
    }
    assert [one["key"] for one in manifest["read"]] == ["Raw/Local/CSV/Movies/2026/11/28/movies.csv"]
    assert manifest["funnel"][0]["left"] == 262
    log = found["Logs/log-analyze-films-20261128.txt"].decode()
    assert "Run ended Completed" in log.splitlines()[-1]
    keys = {one.key for one in artifacts_of(str(state.state_details.flow_run_id))}
    assert keys >= {"films", "films-question-1", "films-question-4"}


@pytest.mark.parametrize("s3", ["moto"], indirect=True)
def test_analyze_films_again_makes_the_same_bytes_and_sends_nothing(ingest: Any, analyze: Any, s3: S3) -> None:
    ingest(SAMPLE, partition_date=DAY)
    assert analyze().is_completed()
    made = ("Trusted/", "Refined/", "Reports/")
    first = {key: body for key, body in objects(s3).items() if key.startswith(made)}
    assert analyze().is_completed()
    again = objects(s3)
    assert {key: body for key, body in again.items() if key.startswith(made)} == first
    second = sorted(key for key in again if key.startswith("Manifests/Films/"))[-1]
    manifests = [json.loads(again[key]) for key in again if key.startswith("Manifests/Films/")]
    assert len(manifests) == 2, second
    assert {one["outcome"] for one in max(manifests, key=lambda one: one["started"])["made"]} == {"unchanged"}


@pytest.mark.parametrize("s3", ["moto"], indirect=True)
def test_analyze_films_of_a_raw_file_that_was_replaced_ends_failed_with_its_key(
    ingest: Any, analyze: Any, s3: S3
) -> None:
    state = analyze()
    assert state.is_failed()
    ingest(SAMPLE, partition_date=DAY)
    key = "Raw/Local/CSV/Movies/2026/11/28/movies.csv"
    client = s3.client()
    for version in client.list_object_versions(Bucket=s3.bucket, Prefix=key).get("Versions", ()):
        client.delete_object(Bucket=s3.bucket, Key=key, VersionId=version["VersionId"])
    client.put_object(Bucket=s3.bucket, Key=key, Body=b"id|tituloPincipal\n")
    state = analyze()
    assert state.is_failed()
    assert key in state.message


@pytest.mark.parametrize("s3", ["moto"], indirect=True)
def test_analyze_films_with_nothing_selected_ends_failed_and_leaves_the_funnel(
    ingest: Any, analyze: Any, s3: S3
) -> None:
    ingest(SAMPLE, partition_date=DAY)
    state = analyze(first_year=2030, last_year=2031)
    assert state.is_failed()
    assert "none is released from 2030 to 2031" in state.message
    assert "The funnel" in objects(s3)[REPORT].decode()
    assert any("Report" in line or "report" in line for line in logs_of(state))


@pytest.mark.parametrize("s3", ["moto"], indirect=True)
@pytest.mark.parametrize(
    ("parameters", "told"),
    [({"regions": ["Atlantis"]}, "Atlantis is no region"), ({"first_year": 2020, "last_year": 2013}, "is after")],
)
def test_analyze_films_with_wrong_parameters_says_which(analyze: Any, parameters: Any, told: str) -> None:
    state = analyze(**parameters)
    assert state.is_failed()
    assert told in state.message


@pytest.mark.parametrize("s3", ["moto"], indirect=True)
def test_analyze_films_without_its_packages_says_how_to_install_them(
    analyze: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flows.lake.films import installed

    monkeypatch.setattr(installed.check_installed, "__defaults__", (("duckdb", "no_such_package"),))
    state = analyze()
    assert state.is_failed()
    assert "needs no_such_package" in state.message
    assert "locks/analysis.txt" in state.message


@pytest.mark.parametrize("s3", ["moto"], indirect=True)
def test_analyze_films_reads_the_file_as_its_manifest_says(ingest: Any, analyze: Any, s3: S3, tmp_path: Path) -> None:
    text = (SAMPLE / "movies.csv").read_text(encoding="utf-8")
    lines = [line.replace("|", ";") for line in text.splitlines() if "Ricardo Darín" in line or line.startswith("id|")]
    (tmp_path / "movies.csv").write_bytes("\n".join(lines).encode("cp1252") + b"\n")
    ingest(tmp_path, partition_date=DAY, contracts={"Movies": {"read": {"delimiter": ";", "encoding": "cp1252"}}})
    state = analyze()
    assert state.is_completed(), state.message
    report = objects(s3)[REPORT].decode()
    assert "Ricardo Darín" in report
    assert "delimiter &#39;;&#39; and encoding cp1252" in report


@pytest.mark.parametrize("s3", ["moto"], indirect=True)
def test_analyze_films_reads_titles_with_bytes_that_are_not_in_the_encoding(
    ingest: Any, analyze: Any, s3: S3, tmp_path: Path
) -> None:
    lines = (SAMPLE / "movies.csv").read_bytes().splitlines(keepends=True)
    broken = [line.replace("ó".encode(), b"\xf3", 1) for line in lines]
    assert broken != lines
    (tmp_path / "movies.csv").write_bytes(b"\xef\xbb\xbf" + b"".join(broken))
    ingest(tmp_path, partition_date=DAY)
    state = analyze()
    assert state.is_completed(), state.message
    (manifest,) = (json.loads(body) for key, body in objects(s3).items() if key.startswith("Manifests/Films/"))
    assert manifest["funnel"][0]["left"] == 262
    assert "\ufffd stands for them" in objects(s3)[REPORT].decode()
