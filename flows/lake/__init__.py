"""Everything about CSV files and S3 that needs no Prefect: plain Python, testable without a server."""
