"""The JSON schema of a block: to save one, Prefect asks for it with each of its fields, sixty times in all."""

from __future__ import annotations

import copy
import functools
from typing import Any


class MadeOnce:
    """Stands before a block's parent, whose `model_json_schema` takes 6 ms each time."""

    @classmethod
    def model_json_schema(cls, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Return the schema of the fields, which the caller may change."""
        return copy.deepcopy(cls._schema(*args, **kwargs))

    @classmethod
    @functools.cache
    def _schema(cls, *args: Any, **kwargs: Any) -> dict[str, Any]:
        made: dict[str, Any] = super().model_json_schema(*args, **kwargs)  # type: ignore[misc]
        return made
