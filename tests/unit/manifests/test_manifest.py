"""The manifest's format, and the schema that is published for it."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path

import jsonschema
import pytest

from flows.lake import keys
from flows.lake.contracts.patterns import forms_of
from flows.lake.manifests import manifest
from flows.lake.models import ColumnProfile, Drift, FileOutcome
from tests.unit.reports.test_run_report import outcome, profile, summary

SCHEMA = Path(__file__).parents[3] / "docs/manifest.schema.json"
ENDED = datetime(2024, 3, 5, 6, 1, tzinfo=UTC)


def made() -> manifest.Manifest:
    changed = Drift("column added", "column 'x' is new", "x")
    files = (
        outcome("a.csv", drift=(changed,), version_id="v1", etag="0a", verified_by="checksum"),
        outcome("b.csv", "rejected", profile=None, reason="b.csv: is empty.", kept_as="Quarantine/b.csv"),
        FileOutcome(Path("bad\udcff.csv"), "Bad\udcff", "", "failed", reason="'bad\udcff.csv': no UTF-8."),
    )
    return manifest.of_run(summary(*files), 2, ENDED, {})


def test_published_schema_equals_the_model() -> None:
    assert SCHEMA.read_text(encoding="utf-8") == manifest.json_schema()


def test_manifest_is_valid_by_the_published_schema() -> None:
    document = json.loads(manifest.to_json(made()))
    jsonschema.validate(document, json.loads(SCHEMA.read_text(encoding="utf-8")))
    document["files"][0]["rows"] = -1
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, json.loads(SCHEMA.read_text(encoding="utf-8")))


def test_manifest_written_and_read_is_the_same_and_has_a_line_for_each_file() -> None:
    text = manifest.to_json(made())
    assert manifest.from_json(text) == made()
    assert len(text.splitlines()) == 3 + 2
    assert json.loads(text.splitlines()[1].rstrip(","))["name"] == "a.csv"


def test_manifest_without_files_is_valid_json() -> None:
    assert manifest.from_json(manifest.to_json(manifest.of_run(summary(), 1, ENDED, {}))).files == ()


def test_manifest_of_another_version_is_refused() -> None:
    with pytest.raises(ValueError, match="schema_version"):
        manifest.from_json(manifest.to_json(made()).replace('"schema_version":1', '"schema_version":2'))


def test_manifest_with_unknown_fields_is_read() -> None:
    text = manifest.to_json(made()).replace('"schema_version":1', '"schema_version":1,"colour":"blue"')
    assert manifest.from_json(text) == made()


def test_masked_manifest_holds_no_secret_and_stays_valid() -> None:
    secret = "wJalr/XUtnFEMI"
    held = manifest.of_run(
        summary(outcome("b.csv", "rejected", reason=f"said {secret}"), source=Path(f"/in/{secret}")), 1, ENDED, {}
    )
    text = manifest.masked(held, lambda text: text.replace(secret, "********"))
    assert secret not in text
    assert manifest.from_json(text).files[0].reason == "said ********"


def test_masked_manifest_that_masking_breaks_is_refused() -> None:
    with pytest.raises(ValueError, match="outcome"):
        manifest.masked(made(), lambda text: text.replace("uploaded", "********"))


def test_manifest_of_ten_thousand_files_stays_below_what_history_reads() -> None:
    from dataclasses import replace

    from flows.lake.manifests.history import MAX_BYTES

    columns = tuple(ColumnProfile(f"columnName{n:02}", "float64", 123_456) for n in range(15))
    one = outcome("orders_2024-03-05_00000.csv", profile=replace(profile(), columns=columns, sha256="0" * 64))
    files = 10_000
    size_bytes = len(manifest.to_json(manifest.of_run(summary(*[one] * 100), 1, ENDED, {}))) * files / 100
    assert size_bytes < MAX_BYTES


@pytest.mark.parametrize(
    ("run_name", "stem"),
    [
        ("2024-03-05 sample", "2024-03-05 sample"),
        ("a/b\\c", "a-b-c"),
        ("line\nbreak\x00", "line-break-"),
        ('{x}^%`[y]<z>~#|"', "-x-----y--z-----"),
        ("são joão", "são joão"),
        ("", "run"),
        ("..", "run"),
        ("x" * 500, "x" * 200),
        ("ã" * 500, "ã" * 100),
    ],
)
def test_manifest_keys_hold_the_run_name_as_far_as_a_key_can(run_name: str, stem: str) -> None:
    first, second = keys.manifest_keys(date(2024, 3, 5), run_name, "0123456789ab", 2)
    assert first == f"Manifests/2024/03/05/{stem}.json"
    assert second == f"Manifests/2024/03/05/{stem}-01234567-2.json"
    assert keys.day_of_key(first) == date(2024, 3, 5)


@pytest.mark.parametrize(
    ("key", "day"),
    [
        ("Raw/Local/CSV/Movies/2024/03/05/movies.csv", date(2024, 3, 5)),
        ("Quarantine/Local/CSV/Movies/2024/03/05/movies.csv", date(2024, 3, 5)),
        ("Raw/Local/CSV/Movies/2024/13/05/movies.csv", None),
        ("Raw/Local/CSV/Movies/2024/03/05/deeper/movies.csv", None),
        ("Raw/Local/CSV/Movies/movies.csv", None),
        ("Superseded/Raw/Local/CSV/Movies/2024/03/05/movies.csv", None),
        ("", None),
    ],
)
def test_day_of_key(key: str, day: date | None) -> None:
    assert keys.day_of_key(key) == day


@pytest.mark.parametrize(
    ("name", "pattern", "known"),
    [
        ("movies.csv", None, "movies.csv"),
        ("orders_2024-03-05.csv", "orders_%Y-%m-%d", "orders_%Y-%m-%d.csv"),
        ("br_20240305_v2.csv", "%Y%m%d", "br_%Y%m%d_v2.csv"),
        ("nodate.csv", "%Y%m%d", "nodate.csv"),
    ],
)
def test_known_as_is_the_same_on_every_day(name: str, pattern: str | None, known: str) -> None:
    assert keys.known_as(name, pattern) == known


@pytest.mark.parametrize(
    ("address", "name", "known"),
    [
        ("https://a.example/%Y/dados_%Y%m.csv?x=%d", "dados_202403.csv", "dados_%Y%m.csv"),
        ("https://a.example/get?id=1#dados%20%Y.zip", "dados 2024.zip", "dados %Y.zip"),
        ("https://a.example/dados%C3%A3_%Y.csv", "dadosã_2024.csv", "dadosã_%Y.csv"),
        ("https://a.example/dados_%Y%m.csv", "dados_2024.csv", "dados_2024.csv"),
        ("https://a.example/dados_%Y%m.csv", "outros_202403.csv", "outros_202403.csv"),
        ("https://a.example/%Y/dados.csv", "dados.csv", "dados.csv"),
        ("dados_%Y%m.csv", "dados_202403.csv", "dados_202403.csv"),
    ],
)
def test_a_file_that_is_published_under_another_name_each_month_is_known_by_its_form(
    address: str, name: str, known: str
) -> None:
    assert keys.known_as(name, None, forms_of([address])) == known
