"""What is stored under many keys, found by listings and single looks, on both servers."""

from __future__ import annotations

from typing import Any

import pytest

from flows.lake.s3 import stored_keys
from flows.lake.s3.bucket import Bucket
from flows.lake.s3.stored_keys import StoredKey, find_stored
from tests.conftest import S3


@pytest.fixture
def client(s3: S3) -> Any:
    client = s3.client()
    client.create_bucket(Bucket=s3.bucket)
    return client


def put(client: Any, s3: S3, key: str, body: bytes) -> StoredKey:
    answer = client.put_object(Bucket=s3.bucket, Key=key, Body=body)
    return StoredKey(len(body), answer["ETag"].strip('"'))


def test_find_stored_tells_size_and_etag_of_those_that_are_there(client: Any, s3: S3) -> None:
    names = ["a", "a.csv", "açúcar b+c%20.csv", "b/x.csv", "b/y.csv", "z"]
    there = {f"Raw/{name}": put(client, s3, f"Raw/{name}", name.encode()) for name in names if name != "a"}
    put(client, s3, "Raw/b/between.csv", b"nobody asked")
    assert find_stored(Bucket(client, s3.bucket), [*there, "Raw/b/w.csv", "Raw/none"]) == there
    assert find_stored(Bucket(client, s3.bucket), []) == {}


@pytest.mark.parametrize("worth", [2, 3])
def test_find_stored_among_many_others_looks_singly_and_finds_the_same(
    client: Any, s3: S3, worth: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stored_keys, "WORTH_A_PAGE", worth)
    monkeypatch.setattr(stored_keys, "KEYS_TOGETHER", 4)
    listed: list[str] = []
    client.meta.events.register("before-call.s3.*", lambda model, **_: listed.append(model.name))
    # Pages of two keys stand for pages of a thousand.
    client.meta.events.register("provide-client-params.s3.ListObjectsV2", lambda params, **_: params | {"MaxKeys": 2})
    days = [f"D{dataset}/{day:02}/f.csv" for dataset in range(3) for day in range(8)]
    for key in days:
        put(client, s3, key, key.encode())
    wanted = [key for key in days if "/07/" in key]
    found = find_stored(Bucket(client, s3.bucket), [*wanted, "D1/99/f.csv"])
    assert sorted(found) == wanted
    assert "HeadObject" in listed


def test_find_stored_lists_a_folder_by_whole_pages(client: Any, s3: S3, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stored_keys, "WORTH_A_PAGE", 2)
    monkeypatch.setattr(stored_keys, "KEYS_TOGETHER", 2)
    listed: list[str] = []
    client.meta.events.register("before-call.s3.*", lambda model, **_: listed.append(model.name))
    client.meta.events.register("provide-client-params.s3.ListObjectsV2", lambda params, **_: params | {"MaxKeys": 5})
    there = {
        key: put(client, s3, key, key.encode())
        for key in [f"D/{day}/{number:02}.csv" for day in (1, 2) for number in range(9)]
    }
    listed.clear()
    assert find_stored(Bucket(client, s3.bucket), there) == there
    assert listed == ["ListObjectsV2"] * 4
