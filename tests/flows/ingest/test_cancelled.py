"""A run that is cancelled in mid-upload: what is on its way may arrive, and log and manifest say what landed."""

from __future__ import annotations

import _thread
import itertools
import time
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from flows.ingest_raw import ingest_raw
from flows.lake.manifests.manifest import Manifest, from_json
from tests.conftest import S3
from tests.flows.conftest import log_of, objects, store_block
from tests.tools.fault_proxy import Fault, FaultProxy, Request, fault_proxy

DAY = date(2024, 3, 5)
FILES = 12


@pytest.fixture
def watched(s3: S3) -> Iterator[FaultProxy]:
    with fault_proxy(s3.server) as proxy:
        yield proxy


def cancel_in_mid_upload(landed: int) -> Fault:
    """Interrupt the run's main thread, as a signal does, while files are on their way, and then let them arrive.

    Until then they stand still, so that the main thread does nothing but wait: an exception in the middle of a log line
    would leave Python's lock of the log's handler locked.
    """
    begun = itertools.count()

    def act(_: Any, request: Request) -> bool:
        if "/Raw/" not in request.path:
            return False
        number = next(begun)
        if number == landed:
            time.sleep(1.5)
            _thread.interrupt_main()
        if number >= landed:
            time.sleep(2.0)
        return False

    return Fault("PutObject", act, times=1000)


@pytest.fixture
def cancelled(s3: S3, watched: FaultProxy, tmp_path: Path) -> Callable[..., Manifest]:
    """Run the flow over some files, cancel it at an upload, and return its manifest."""
    for number in range(FILES):
        (tmp_path / f"f{number:02}.csv").write_text(f"a\n{number}\n")
    block = store_block(f"cancelled-{s3.server.name}", S3(watched.server, s3.bucket))

    def run(**parameters: Any) -> Manifest:
        watched.add(cancel_in_mid_upload(landed=3))
        with pytest.raises(KeyboardInterrupt):
            ingest_raw(source=tmp_path, bucket=s3.bucket, credentials=block, partition_date=DAY, **parameters)
        (manifest,) = objects(s3, "Manifests/").values()
        return from_json(manifest)

    return run


@pytest.mark.parametrize("s3", ["rclone"], indirect=True)
@pytest.mark.parametrize("own_tasks_up_to", [100, 0], ids=["tasks", "batches"])
def test_cancelled_run_names_what_landed_also_after_the_signal(
    cancelled: Callable[..., Manifest], s3: S3, own_tasks_up_to: int
) -> None:
    manifest = cancelled(own_tasks_up_to=own_tasks_up_to)
    landed = {file.key for file in manifest.files if file.landed}
    assert landed == set(objects(s3, "Raw/"))
    assert len(manifest.files) == FILES
    last = log_of(s3).splitlines()[-1]
    assert f"Run ended Cancelled: The run was cancelled; {len(landed)} of {FILES} files had landed." in last
    assert all("the run was cancelled" in (file.reason or "") for file in manifest.files if not file.landed)
