"""`csv-to-raw-lake land`: a folder into the raw layer in one process, without a Prefect server."""
