"""The Dask cluster of `flows.ingest_raw_dask`: one that is there, or one of this machine's cores for the run."""

from __future__ import annotations

import os

from flows.lake.errors import LakeError
from flows.workers.main_module import main_module_hidden

try:
    import dask.config
    import distributed
    from distributed.comm.addressing import get_address_host_port
    from prefect_dask.client import PrefectDaskClient
    from prefect_dask.task_runners import DaskTaskRunner
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        f"{error}: ingest-raw-dask needs more than ingest-raw does. Install it with"
        " `pip install --require-hashes -r locks/dask.txt`.",
        name=error.name,
    ) from error


class ClusterTaskRunner(DaskTaskRunner):
    """Prefect's runner, which ends a run in a sentence where there is no cluster at the address that it was given."""

    @property
    def client(self) -> PrefectDaskClient:
        """The connection to the cluster, made when the first task is submitted.

        Raises:
            LakeError: There is no scheduler at the address.
        """
        try:
            if self.address and not self._client:
                # Here, since a client that was made with such an address waits for a minute when the process ends.
                get_address_host_port(self.address)
            return super().client
        except (OSError, ValueError) as error:  # unreachable, and no address at all
            if not self.address:
                raise
            raise LakeError(
                f"No Dask scheduler could be reached at {self.address} ({error}).",
                remedy="Start one (`dask scheduler`), correct DASK_SCHEDULER_ADDRESS, or unset it for a cluster of this"
                " machine's cores.",
            ) from error


class WorkerKeeper(distributed.Nanny):
    """Starts a worker process, and another one when that dies, without the program that runs the flow."""

    async def instantiate(self) -> distributed.Status:
        """Start the process."""
        with main_module_hidden():
            return await super().instantiate()


def task_runner() -> DaskTaskRunner:
    """Return the runner for the cluster that Dask's settings name, or for one of this machine's cores."""
    if address := dask.config.get("scheduler-address", None):
        return ClusterTaskRunner(address=address)
    return ClusterTaskRunner(
        cluster_kwargs={
            "worker_class": WorkerKeeper,
            "n_workers": os.cpu_count() or 2,
            "threads_per_worker": 1,  # on small files pandas and boto3 hold Python's lock
            "dashboard_address": "127.0.0.1:0",  # a free port: other clusters of this machine have the usual one
        },
    )
