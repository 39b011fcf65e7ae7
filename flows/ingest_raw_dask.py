"""The flow `ingest-raw-dask`: `ingest-raw` with its files spread over the machines of a Dask cluster.

It is the same flow with another task runner: a file's way into the lake is one task, which a worker of the cluster goes
by itself, with credentials that it loads from the block by name. The cluster is the one whose scheduler Dask's own
setting names (environment variable `DASK_SCHEDULER_ADDRESS`, or `scheduler-address` in Dask's configuration files);
without one, a cluster of this machine's cores lives as long as the run.
"""

from __future__ import annotations

from flows.ingest_raw import ingest_raw
from flows.workers.dask_cluster import task_runner

ingest_raw_dask = ingest_raw.with_options(
    name="ingest-raw-dask",
    task_runner=task_runner(),  # type: ignore[arg-type]  # its own futures
)
