"""The flow `ingest-raw-dask`: `ingest-raw` with its files spread over the machines of a Dask cluster.

It is the same flow with another task runner: a file's way into the lake is one task, which a worker of the cluster goes
by itself, with credentials that it loads from the block by name. The cluster is the one whose scheduler Dask's own
setting names (environment variable `DASK_SCHEDULER_ADDRESS`, or `scheduler-address` in Dask's configuration files);
without one, a cluster of this machine's cores lives as long as the run.
"""

from __future__ import annotations

import os

import dask.config
from prefect_dask.task_runners import DaskTaskRunner

from flows.ingest_raw import ingest_raw


def task_runner(address: str | None) -> DaskTaskRunner:
    """Return the task runner for the cluster of a scheduler, or for one of this machine's cores.

    Args:
        address: The scheduler's address, such as `tcp://10.0.0.5:8786`.
    """
    if address:
        return DaskTaskRunner(address=address)
    # A thread a process: on small files pandas and boto3 hold Python's lock.
    return DaskTaskRunner(cluster_kwargs={"n_workers": os.cpu_count() or 2, "threads_per_worker": 1})


ingest_raw_dask = ingest_raw.with_options(
    name="ingest-raw-dask",
    task_runner=task_runner(dask.config.get("scheduler-address", None)),  # type: ignore[arg-type]  # its own futures
)
