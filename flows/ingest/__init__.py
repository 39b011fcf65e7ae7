"""One run of `ingest-raw` on Prefect's side: its tasks, what it knows of earlier runs, and how it ends."""
