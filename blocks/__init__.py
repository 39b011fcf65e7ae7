"""Prefect block types of this project."""
