"""The Prefect flows and their tasks."""
