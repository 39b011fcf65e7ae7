"""Objects that other movers lose or alter, by what people report: each is copied as it is, or told by its name."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from flows.lake import errors
from flows.lake.copying.lake_copy import copy_lake
from flows.lake.copying.results import CopyOptions
from flows.lake.manifests.store import ManifestStore
from flows.lake.s3.bucket import Bucket
from tests.storage.copying.conftest import KEY, SMALL, Lakes
from tests.tools import fault_proxy as faults
from tests.tools.fault_proxy import Fault, Request, fault_proxy
from tests.tools.servers import S3Server
from tests.tools.uploads import eager_client

A = "Raw/Local/CSV/F/2024/03/05/a.csv"
NAMES = [
    "$[x]{y}\u200e\u3000\u00a0®.csv",
    "a b+c&d=e?#%20.csv",
    "é~'()!*;:@,.csv",
    "e\u0301 nfd.csv",
    "日本.csv",
    "..hidden..csv",
    "x" * 200 + ".csv",
]


def with_headers(lakes: Lakes, moto: S3Server, quick: bool, **headers: str) -> Any:
    """Copy from a source that answers with other headers; returns the headers that are sent to the target."""

    def answer(handler: Any, request: Request) -> bool:
        status, sent, body = handler.forward(request)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        kept = [(name, value) for name, value in sent if name.lower() not in named]
        handler.relay(status, [*kept, *named.items()], body)
        return True

    with fault_proxy(moto) as source, fault_proxy(moto) as target:
        source.add(Fault("GetObject", lambda h, r: A in r.path and answer(h, r), times=99))
        there, here = Bucket(eager_client(source.server), lakes.source.name), lakes.target.name
        report = lakes.copy(source=there, target=Bucket(eager_client(target.server), here), quick=quick)
        sent = [one.headers for one in target.requests if one.operation == "PutObject" and A in one.path]
    assert report.bad == []
    return sent[-1]


def test_keys_with_hard_characters_arrive(lakes: Lakes) -> None:
    lakes.land({name: f"x\n{number}\n" for number, name in enumerate(NAMES)}, signing_key=KEY)
    report = lakes.copy()
    assert report.bad == []
    assert lakes.of_target("Raw/") == lakes.of_source("Raw/")
    assert len(lakes.of_target("Raw/")) == len(NAMES)
    assert lakes.copy().copied == 0


def test_keys_with_hard_characters_are_copied_by_the_server_itself(versioned: Lakes) -> None:
    """Where the source goes into a header, of which other movers encode too little or too much."""
    versioned.land({name: f"x\n{number}\n" for number, name in enumerate(NAMES)}, signing_key=KEY)
    report = versioned.copy(inside=True)
    assert (report.bad, report.inside) == ([], len(NAMES))
    assert versioned.of_target("Raw/") == versioned.of_source("Raw/")


@pytest.mark.parametrize("quick", [True, False])
def test_storage_class_is_no_reason_to_copy_again(versioned: Lakes, quick: bool) -> None:
    versioned.land({"a.csv": "x\n1\n", "b.csv": "x\n2\n" * 5_000}, signing_key=KEY)
    in_class = CopyOptions(upload=replace(SMALL, storage_class="STANDARD_IA"), quick=quick)
    stores = [ManifestStore(bucket, KEY) for bucket in (versioned.source, versioned.target)]
    assert copy_lake(*stores, options=in_class).bad == []
    head = versioned.target.client.head_object(Bucket=versioned.target.name, Key=A)
    assert head["StorageClass"] == "STANDARD_IA"
    assert copy_lake(*stores, options=in_class).copied == 0
    assert versioned.copy(quick=quick).copied == 0


def test_object_of_no_bytes_arrives(lakes: Lakes) -> None:
    lakes.land({"a.csv": "x\n1\n", "empty.csv": ""}, signing_key=KEY)
    assert lakes.copy().bad == []
    for prefix in ("Raw/", "Quarantine/"):
        assert lakes.of_target(prefix) == lakes.of_source(prefix)


@pytest.mark.parametrize("quick", [True, False])
def test_content_encoding_goes_along_and_nothing_is_unpacked(versioned: Lakes, moto: S3Server, quick: bool) -> None:
    versioned.land({"a.csv": "x\n1\n"})
    sent = with_headers(versioned, moto, quick, content_encoding="gzip")
    assert sent["Content-Encoding"] == "gzip"
    assert versioned.of_target("Raw/") == {A: b"x\n1\n"}


@pytest.mark.parametrize("quick", [True, False])
@pytest.mark.parametrize(("there", "here"), [("aws-chunked", None), ("aws-chunked,gzip", "gzip")])
def test_encoding_of_the_way_is_not_taken_for_the_objects(
    versioned: Lakes, moto: S3Server, quick: bool, there: str, here: str | None
) -> None:
    """Some servers keep `aws-chunked`, in which a client once sent the object; it is not how the new body comes."""
    versioned.land({"a.csv": "x\n1\n"})
    sent = with_headers(versioned, moto, quick, content_encoding=there)
    assert sent.get("Content-Encoding") == here
    assert versioned.of_target("Raw/") == {A: b"x\n1\n"}


@pytest.mark.parametrize("quick", [True, False])
def test_metadata_beyond_ascii_arrives(versioned: Lakes, moto: S3Server, quick: bool) -> None:
    versioned.land({"a.csv": "x\n1\n"})
    sent = with_headers(versioned, moto, quick, x_amz_meta_team="an\u00e1lises")
    assert sent["x-amz-meta-team"] == "an%C3%A1lises"


@pytest.mark.parametrize("quick", [True, False])
def test_archived_object_is_told_with_what_to_do_and_the_others_are_copied(
    versioned: Lakes, moto: S3Server, quick: bool
) -> None:
    versioned.land({"a.csv": "x\n1\n", "b.csv": "x\n2\n"})
    with fault_proxy(moto) as proxy:
        refuse = faults.refused(403, "InvalidObjectState", "The operation is not valid for the object's storage class")
        proxy.add(Fault("GetObject", lambda h, r: A in r.path and refuse(h, r), times=99))
        report = versioned.copy(source=Bucket(eager_client(proxy.server), versioned.source.name), quick=quick)
    assert [one.key for one in report.bad] == [A, "Manifests/2024/03/05/run.json"]
    assert "Restore it" in report.bad[0].text
    assert len(versioned.of_target("Raw/")) == 1


@pytest.mark.parametrize(
    ("status", "code", "error"),
    [
        (403, "RequestTimeTooSkewed", errors.ClockSkewed),
        (301, "PermanentRedirect", errors.BucketInOtherRegion),
        (403, "AccessDenied", errors.AccessDenied),
    ],
    ids=["clock", "region", "requester pays, KMS key"],
)
def test_what_concerns_every_object_ends_the_copy_with_its_reason(
    versioned: Lakes, moto: S3Server, status: int, code: str, error: type[Exception]
) -> None:
    versioned.land({"a.csv": "x\n1\n", "b.csv": "x\n2\n"})
    with fault_proxy(moto) as proxy:
        refuse = faults.refused(status, code)
        proxy.add(Fault("GetObject", lambda h, r: "/Raw/" in r.path and refuse(h, r), times=99))
        with pytest.raises(error):
            versioned.copy(source=Bucket(eager_client(proxy.server), versioned.source.name))
    assert versioned.of_target("Manifests/") == {}
