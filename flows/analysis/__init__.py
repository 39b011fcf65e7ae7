"""Prefect's side of the analysis of films: the run and its end, and its stages."""
