"""Prefect block types of this project: exactly one, so that `prefect block register -m blocks` registers no other."""

from blocks.lake_credentials import LakeCredentials

__all__ = ["LakeCredentials"]
