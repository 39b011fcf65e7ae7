"""What a user is told who has no Dask, or no scheduler where the settings say."""

from __future__ import annotations

import importlib
import sys

import dask.config
import pytest

from flows.lake.errors import LakeError
from flows.workers.dask_cluster import ClusterTaskRunner


def test_dask_not_installed_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "flows.workers.dask_cluster")
    monkeypatch.setitem(sys.modules, "prefect_dask.task_runners", None)
    with pytest.raises(ModuleNotFoundError, match=r"ingest-raw-dask needs .* -r locks/dask\.txt"):
        importlib.import_module("flows.workers.dask_cluster")


def test_dask_scheduler_that_is_not_there_is_named_with_what_to_do() -> None:
    runner = ClusterTaskRunner(address="tcp://127.0.0.1:9")  # the port "discard", where nothing listens
    with (
        dask.config.set({"distributed.comm.timeouts.connect": "1s"}),
        pytest.raises(LakeError, match=r"reached at tcp://127\.0\.0\.1:9 \(.*DASK_SCHEDULER_ADDRESS"),
    ):
        _ = runner.client


@pytest.mark.parametrize("address", ["nonsense", "tcp://127.0.0.1", "tcp://somewhere:", "http://127.0.0.1:8786"])
def test_dask_address_that_is_none_is_named_before_a_client_is_made(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("prefect_dask.task_runners.PrefectDaskClient", None)
    with pytest.raises(LakeError, match=rf"reached at {address} \(.*DASK_SCHEDULER_ADDRESS"):
        _ = ClusterTaskRunner(address=address).client
