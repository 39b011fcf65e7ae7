"""Where a run's files are worked on: threads, worker processes of its own, or a Dask cluster."""
