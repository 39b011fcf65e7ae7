"""Keys that hold nothing are asked for together, and that is believed for a short while only."""

from __future__ import annotations

from pathlib import Path

import pytest

from flows.connection import connect
from flows.lake.models import SourceFile
from flows.lake.run_models import LakeAddress
from flows.workers import listings
from flows.workers.listings import Listings
from tests.conftest import S3, fresh_bucket_name
from tests.flows.conftest import store_block
from tests.tools.rules import RULES


def test_listings_neighbours_share_one_answer_until_it_is_old(
    moto: object, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    lake = S3(request.getfixturevalue("moto"), fresh_bucket_name())
    lake.client().create_bucket(Bucket=lake.bucket)
    files = [
        SourceFile(Path(f"f{n}.csv"), "F", f"Raw/Local/CSV/F/2024/03/05/f{n:03}.csv", 5, RULES) for n in range(300)
    ]
    lake.client().put_object(Bucket=lake.bucket, Key=files[120].key, Body=b"there")
    address = LakeAddress(lake.bucket, store_block("listings", lake), run_id="listings")
    asked: list[str] = []
    connect(address).client.meta.events.register("before-call.s3.*", lambda model, **_: asked.append(model.name))

    monkeypatch.setattr(listings, "HOLDS_S", float("inf"))  # however slow this machine is
    of_run = Listings(files)
    first, second = of_run.of(files[:100], address), of_run.of(files[100:200], address)
    assert (first.stored, second.stored) == (frozenset(), frozenset([files[120].key]))
    assert first.knows(listings.keys_of(files[50:100]))
    assert not first.knows(listings.keys_of(files[50:101]))
    assert asked == ["ListObjectsV2"]

    lake.client().put_object(Bucket=lake.bucket, Key=files[250].key, Body=b"since")
    monkeypatch.setattr(listings, "HOLDS_S", 0.0)
    assert of_run.of(files[200:], address).stored == frozenset([files[250].key])
    assert asked == ["ListObjectsV2"] * 2
