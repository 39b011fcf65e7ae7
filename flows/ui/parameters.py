"""The types of parameters that several flows share, as Prefect's run form shows and checks them."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

BucketName = Annotated[str, Field(min_length=3, max_length=100)]
"""A bucket's name, longer than S3 allows by what `{account}` and `{region}` in it stand for."""

BlockName = Annotated[str, Field(min_length=1, max_length=255)]
"""The name of a credentials block."""
