"""What goes wrong between two lakes, on either side, one fault at a time.

After each, everything on the target is complete and equal, or absent; a manifest there names only what is there; and
the next copy makes it whole. `docs/reliability.md` lists these tests.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from flows.lake import errors
from flows.lake.copying.results import CopyReport
from flows.lake.s3.bucket import Bucket
from tests.storage.copying.conftest import KEY, Lakes, make
from tests.tools import fault_proxy as faults
from tests.tools.fault_proxy import Fault, FaultProxy, Request
from tests.tools.uploads import eager_client, write_csv

MANIFEST = "Manifests/2024/03/05/run.json"
SMALL, LARGE = "Raw/Local/CSV/F/2024/03/05/a.csv", "Raw/Local/CSV/F/2024/03/05/large.csv"


@dataclass(frozen=True)
class BrokenLakes:
    """Two lakes behind a proxy each."""

    lakes: Lakes
    source: FaultProxy
    target: FaultProxy
    quick: bool

    def copy(self, **options: Any) -> CopyReport:
        buckets = {
            "source": Bucket(eager_client(self.source.server, retry_for_s=2), self.lakes.source.name),
            "target": Bucket(eager_client(self.target.server, retry_for_s=2), self.lakes.target.name),
        }
        return self.lakes.copy(**buckets, quick=self.quick, **options)

    def assert_complete(self, *, incomplete: int = 0) -> None:
        for prefix in ("Raw/", "Logs/"):
            assert self.lakes.of_target(prefix) == self.lakes.of_source(prefix)
        assert list(self.lakes.of_target("Manifests/")) == [MANIFEST]
        assert self.lakes.verified().findings == ()
        assert len(self.lakes.incomplete) <= incomplete

    def assert_complete_or_absent(self) -> None:
        there, source = self.lakes.of_target("Raw/"), self.lakes.of_source("Raw/")
        assert {key: held for key, held in there.items() if source[key] != held} == {}
        if self.lakes.of_target("Manifests/"):
            assert self.lakes.verified().findings == ()


@pytest.fixture(params=["moto", "rclone", "moto-without-quick-lane"])
def broken(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[BrokenLakes]:
    server = request.getfixturevalue(request.param.split("-")[0])
    lakes = make(server, server, tmp_path)
    files: dict[str, str | bytes] = {f"{name}.csv": f"x\n{name}\n" for name in "abc"}
    lakes.land(files | {"large.csv": write_csv(tmp_path / "l", 40_000)}, signing_key=KEY)
    with faults.fault_proxy(server) as source, faults.fault_proxy(server) as target:
        yield BrokenLakes(lakes, source, target, quick="-" not in request.param)


def of_key(key: str, act: Callable[[Any, Request], bool]) -> Callable[[Any, Request], bool]:
    return lambda handler, request: key in request.path and act(handler, request)


PASSING: dict[str, Callable[[], tuple[str, Fault]]] = {
    "source busy": lambda: ("source", Fault("GetObject", faults.refused(503, "SlowDown"), times=3)),
    "source burst": lambda: ("source", Fault("*", faults.refused(500, "InternalError"), times=6)),
    "source reset": lambda: ("source", Fault("GetObject", lambda handler, _: handler.drop(), times=2)),
    "source cut": lambda: ("source", Fault("GetObject", faults.answer_cut, times=2, after=1)),
    "target busy": lambda: ("target", Fault("PutObject", faults.refused(503, "SlowDown"), times=3)),
    "target burst": lambda: ("target", Fault("*", faults.refused(500, "InternalError"), times=6)),
    "target part reset": lambda: ("target", Fault("UploadPart", faults.reset_in_the_middle, early=True, part=2)),
    "target answer lost": lambda: ("target", Fault("PutObject", faults.answer_lost)),
    "target complete lost": lambda: ("target", Fault("CompleteMultipartUpload", faults.answer_lost)),
    "target error in a 200": lambda: ("target", Fault("CompleteMultipartUpload", faults.error_in_a_200)),
}


@pytest.mark.parametrize("kind", PASSING)
def test_copy_fault_that_passes_is_outlasted(broken: BrokenLakes, kind: str) -> None:
    side, fault = PASSING[kind]()
    getattr(broken, side).add(fault)
    assert broken.copy().bad == []
    assert getattr(broken, side).pending == []
    broken.assert_complete()


@pytest.mark.parametrize("key", [SMALL, LARGE])
def test_copy_fault_bytes_altered_on_their_way_from_the_source_are_read_again(broken: BrokenLakes, key: str) -> None:
    altered: list[str] = []

    def once(handler: Any, request: Request) -> bool:
        if altered or key not in request.path:
            return False
        altered.append(key)
        return faults.answer_altered(handler, request)

    broken.source.add(Fault("GetObject", once, times=10**6))
    assert broken.copy().bad == []
    assert altered == [key]
    broken.assert_complete()


def test_copy_fault_bytes_always_altered_on_their_way_from_the_source_never_become_an_object(
    broken: BrokenLakes,
) -> None:
    broken.source.add(Fault("GetObject", of_key("/Raw/", faults.answer_altered), times=10**6))
    report = broken.copy()
    assert len(report.bad) == 5
    assert "is not what its manifest says" in report.bad[0].text
    assert broken.lakes.of_target("Raw/") == broken.lakes.of_target("Manifests/") == {}
    assert broken.lakes.incomplete == []
    broken.source.faults.clear()
    assert broken.copy().bad == []
    broken.assert_complete()


@pytest.mark.parametrize("operation", ["PutObject", "UploadPart"])
def test_copy_fault_bytes_always_altered_on_their_way_to_the_target_are_taken_away(
    broken: BrokenLakes, operation: str
) -> None:
    broken.target.add(Fault(operation, of_key("/Raw/", faults.altered), times=10**6))
    report = broken.copy()
    assert report.bad
    broken.assert_complete_or_absent()
    assert broken.lakes.of_target("Manifests/") == {}
    broken.target.faults.clear()
    assert broken.copy().bad == []
    broken.assert_complete()


@pytest.mark.parametrize("side", ["source", "target"])
@pytest.mark.parametrize("after", [2, 6])
def test_copy_fault_side_that_goes_away_ends_the_copy_and_the_next_goes_on(
    broken: BrokenLakes, side: str, after: int
) -> None:
    proxy = getattr(broken, side)
    proxy.add(Fault("*", lambda handler, _: handler.drop(), times=10**6, after=after))
    with pytest.raises(errors.EndpointUnreachable) as caught:
        broken.copy()
    assert caught.value.remedy
    broken.assert_complete_or_absent()
    proxy.faults.clear()
    assert broken.copy().bad == []
    broken.assert_complete(incomplete=1)  # nobody could be told to give it up: a later run, or the bucket's rule, does


@pytest.mark.parametrize(("side", "operation"), [("source", "GetObject"), ("target", "PutObject")])
def test_copy_fault_denied_access_ends_the_copy_at_once(broken: BrokenLakes, side: str, operation: str) -> None:
    getattr(broken, side).add(Fault(operation, of_key("/Raw/", faults.refused(403, "AccessDenied")), times=10**6))
    with pytest.raises(errors.AccessDenied):
        broken.copy()
    broken.assert_complete_or_absent()


def test_copy_fault_target_that_refuses_checksums_gets_an_md5_with_each_part(broken: BrokenLakes) -> None:
    def refuse_extras(handler: Any, request: Request) -> bool:
        extras = ("x-amz-checksum-crc64nvme", "x-amz-checksum-algorithm", "If-None-Match")
        refused = any(request.headers.get(name) for name in extras)
        return refused and bool(handler.refuse(501, "NotImplemented", "A header you provided is not implemented."))

    for operation in ("PutObject", "CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload"):
        broken.target.add(Fault(operation, refuse_extras, times=10**6))
    assert broken.copy().bad == []
    broken.assert_complete()
    parts = [one for one in broken.target.requests if one.operation == "UploadPart"]
    assert parts
    assert all(one.headers.get("Content-MD5") for one in parts)


def test_copy_writes_the_manifest_after_all_that_it_names(broken: BrokenLakes) -> None:
    seen: list[set[str]] = []

    def look(handler: Any, request: Request) -> bool:
        if MANIFEST in request.path:
            seen.append(set(broken.lakes.of_target("Raw/")))
        return False

    broken.target.add(Fault("PutObject", look, times=10**6))
    broken.copy()
    assert seen == [set(broken.lakes.of_source("Raw/"))]


def test_copy_fault_two_copies_at_once_make_one_lake(broken: BrokenLakes) -> None:
    barrier = threading.Barrier(2)

    def copy(_: int) -> CopyReport:
        barrier.wait()
        return broken.copy()

    with ThreadPoolExecutor(2) as pool:
        reports = list(pool.map(copy, range(2)))
    # The slower one may find the manifest written meanwhile, and says so; the lake is whole.
    assert {one.key for report in reports for one in report.bad} <= {MANIFEST}
    broken.assert_complete()


KILLED = """
import sys
from flows.lake.copying.lake_copy import copy_lake
from flows.lake.copying.results import CopyOptions
from flows.lake.manifests.store import ManifestStore
from flows.lake.s3.bucket import Bucket
from tests.storage.copying.conftest import KEY, SMALL
from tests.tools.servers import S3Server
from tests.tools.uploads import eager_client
source, target = (
    ManifestStore(Bucket(eager_client(S3Server("x", url, *sys.argv[3:5])), bucket), KEY)
    for url, bucket in zip(sys.argv[1:3], sys.argv[5:7])
)
copy_lake(source, target, options=CopyOptions(upload=SMALL))
"""


def test_copy_fault_killed_in_mid_multipart_is_completed_by_the_next(broken: BrokenLakes) -> None:
    server, lakes = broken.source.server, broken.lakes
    urls = [broken.source.server.endpoint_url, broken.target.server.endpoint_url]
    arguments = [*urls, server.access_key, server.secret_key, lakes.source.name, lakes.target.name]
    broken.target.run_and_kill(["-c", KILLED, *arguments], at_part=3)
    broken.assert_complete_or_absent()
    assert LARGE not in lakes.of_target("Raw/")
    assert lakes.of_target("Manifests/") == {}
    before = set(lakes.of_target("Raw/"))
    report = broken.copy()
    assert report.bad == []
    assert report.present >= len(before)
    assert lakes.of_target("Raw/") == lakes.of_source("Raw/")
    assert lakes.verified().findings == ()
