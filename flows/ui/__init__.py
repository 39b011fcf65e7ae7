"""What people see in Prefect's UI: artifacts, run names and events."""
