"""The raw file is fetched as its manifest says, and as UTF-8."""

from __future__ import annotations

import dataclasses
import hashlib
from pathlib import Path
from typing import Any

import pytest

from flows.lake.errors import AnalysisInputMissing
from flows.lake.films.inputs import fetch
from flows.lake.films.raw_input import RawInput
from tests.storage.conftest import Lake
from tests.unit.films.conftest import raw_input


def stored(lake: Lake, body: bytes, **facts: Any) -> RawInput:
    raw = raw_input()
    lake.client.put_object(Bucket=lake.bucket, Key=raw.file.key, Body=body)
    facts |= {"sha256": hashlib.sha256(body).hexdigest(), "size_bytes": len(body)}
    return dataclasses.replace(raw, file=raw.file.model_copy(update=facts))


@pytest.mark.parametrize("s3", ["rclone"], indirect=True)
@pytest.mark.parametrize(
    ("body", "facts"),
    [
        ("ação".encode(), {}),
        ("\ufeffação".encode(), {"encoding": "utf-8-sig"}),
        ("ação".encode("cp1252"), {"encoding": "cp1252"}),
        ("ação".encode("utf-16"), {"encoding": "utf-16"}),
    ],
)
def test_fetch_brings_any_encoding_as_utf_8(lake: Lake, tmp_path: Path, body: bytes, facts: dict[str, Any]) -> None:
    assert fetch(lake.whole, stored(lake, body, **facts), tmp_path).read_bytes() == "ação".encode()


@pytest.mark.parametrize("s3", ["rclone"], indirect=True)
def test_fetch_replaces_foreign_bytes_where_the_recipe_does(lake: Lake, tmp_path: Path) -> None:
    raw = stored(lake, b"a\xe7\xe3o", recipe={"encoding_errors": "replace"})
    assert fetch(lake.whole, raw, tmp_path).read_text(encoding="utf-8") == "a\ufffd\ufffdo"


@pytest.mark.parametrize("s3", ["rclone"], indirect=True)
def test_fetch_of_bytes_outside_the_encoding_says_so_without_the_text(lake: Lake, tmp_path: Path) -> None:
    raw = stored(lake, b"id|Maria da Silva \xff", encoding="utf-8-sig")
    with pytest.raises(AnalysisInputMissing) as told:
        fetch(lake.whole, raw, tmp_path)
    assert "not in the encoding utf-8-sig" in str(told.value)
    assert "Maria" not in repr(told.value)
