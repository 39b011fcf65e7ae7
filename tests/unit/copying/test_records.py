"""How manifests are grouped for a copy, and when two of them record the same run."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta

import pytest

from flows.lake.copying.records import (
    PORTION_BYTES,
    PORTION_MANIFESTS,
    Named,
    Record,
    digest_of,
    named_in,
    portions,
    waves,
)
from flows.lake.manifests.copied import ManifestOrigin, Place, places_in_twin, rewritten
from flows.lake.manifests.manifest import from_json
from flows.lake.manifests.signature import signed
from flows.lake.manifests.store import StoredManifest

DAY = date(2024, 3, 5)
NOON = datetime(2024, 3, 5, 12, tzinfo=UTC)
KEY = "Raw/Local/CSV/F/2024/03/05/a.csv"


def record(name: str, day: int, *contents: str) -> Record:
    named = tuple(Named(f"Raw/{one[0]}", 1, one[1:] * 64, "c", "e", None) for one in contents)
    return Record(name, DAY + timedelta(days=day), NOON, named, True)


def names(found: list[list[Record]]) -> list[list[str]]:
    return [[one.key for one in wave] for wave in found]


def test_manifests_of_different_days_and_keys_are_copied_together() -> None:
    assert names(waves([record("m", 0, "a1"), record("n", 1, "b1"), record("o", 2, "a1")])) == [["m", "n", "o"]]


def test_later_landing_of_a_key_comes_after_the_earlier() -> None:
    found = waves([record("m", 0, "a1", "b1"), record("n", 1, "a2"), record("o", 2, "a3"), record("p", 3, "c1")])
    assert names(found) == [["m", "p"], ["n"], ["o"]]


def test_manifests_of_a_day_come_one_by_one() -> None:
    assert names(waves([record("m", 0, "a1"), record("n", 0, "b1"), record("o", 1, "c1")])) == [["m", "o"], ["n"]]


def test_portions_are_bounded_by_size_and_number() -> None:
    def stored(size_bytes: int) -> StoredManifest:
        return StoredManifest("k", DAY, size_bytes, NOON)

    assert [len(one) for one in portions([stored(1)] * (PORTION_MANIFESTS + 1))] == [PORTION_MANIFESTS, 1]
    assert [len(one) for one in portions([stored(PORTION_BYTES), stored(1), stored(PORTION_BYTES)])] == [1, 1, 1]
    assert list(portions([])) == []


TEXT = """{"schema_version":1,"run_id":"r","run_name":"n","run_count":1,"logical_date":"2024-03-05","source":"/in",
"bucket":"one","started":"2024-03-05T12:00:00Z","ended":"2024-03-05T12:00:01Z","duration_s":1.0,"of_tomorrow":"kept",
"files":[{"name":"a.csv","known_as":"a.csv","dataset":"F","outcome":"uploaded","key":"Raw/Local/CSV/F/2024/03/05/a.csv",
"version_id":"v1","etag":"e1","verified_by":"checksum","size_bytes":1,"of_tomorrow":["kept"]},
{"name":"b.csv","known_as":"b.csv","dataset":"F","outcome":"failed","key":"Raw/Local/CSV/F/2024/03/05/b.csv",
"size_bytes":1}]}"""
ORIGIN = ManifestOrigin(bucket="one", endpoint="http://one", copied=NOON, run_id="c")


def test_rewritten_manifest_has_the_new_names_the_old_ones_and_what_nobody_here_knows() -> None:
    text = rewritten(TEXT.encode(), "two", {KEY: Place("v2", "e2", "read back")}, ORIGIN)
    copied = from_json(text)
    assert copied.bucket == "two"
    assert copied.copied_from == ORIGIN
    first, second = copied.files
    assert (first.version_id, first.etag, first.verified_by) == ("v2", "e2", "read back")
    assert first.copied_from
    assert (first.copied_from.version_id, first.copied_from.etag) == ("v1", "e1")
    assert second.copied_from is None
    raw = json.loads(text)
    assert (raw["of_tomorrow"], raw["files"][0]["of_tomorrow"]) == ("kept", ["kept"])
    assert digest_of(copied) == digest_of(from_json(TEXT))


def test_rewritten_manifest_can_be_signed_and_read_again() -> None:
    text = signed(rewritten(TEXT.encode(), "two", {}, ORIGIN), b"key")
    assert from_json(text, b"key").is_signed
    again = rewritten(text.encode(), "three", {}, ORIGIN)
    assert not from_json(again, b"key").is_signed


def test_manifest_of_another_run_is_no_twin() -> None:
    assert digest_of(from_json(TEXT)) != digest_of(from_json(TEXT.replace('"run_id":"r"', '"run_id":"s"')))
    assert digest_of(from_json(TEXT)) != digest_of(from_json(TEXT.replace('"size_bytes":1,', '"size_bytes":2,')))


def test_twin_is_known_by_its_text_and_tells_what_its_bucket_calls_the_objects() -> None:
    there = rewritten(TEXT.encode(), "two", {KEY: Place("v2", "e2", "read back")}, ORIGIN)
    places = places_in_twin(TEXT.encode(), signed(there, b"key").encode())
    assert places
    assert places[KEY] == Place("v2", "e2", None)


@pytest.mark.parametrize(
    "other",
    [
        b"",
        b"[]",
        b"{}",
        b'{"files":[1]}',
        b"[" * 200_000,
        TEXT.replace('"size_bytes":1', '"size_bytes":2', 1).encode(),
        TEXT.replace('"of_tomorrow":["kept"]', '"of_tomorrow":[]').encode(),
        TEXT.replace('"etag":"e1"', '"etag":1').encode(),
    ],
    ids=["empty", "list", "object", "no file", "deep", "other size", "other field", "etag is no text"],
)
def test_other_text_is_no_twin(other: bytes) -> None:
    assert places_in_twin(TEXT.encode(), other) is None


def test_original_in_clear_that_a_manifest_names_is_not_copied() -> None:
    original = "Landing/Local/CSV/F/2024/03/05/a.csv"
    text = TEXT.replace('"outcome":"uploaded"', f'"outcome":"uploaded","original":"{original}"')
    assert from_json(text).files[0].original == original
    assert [one.key for one in named_in(from_json(text))] == [KEY]
