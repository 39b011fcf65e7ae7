"""What of a contract decides how its files are read, and how that differs from one contract to the next."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

READING = ("date", "read", "columns")
"""The fields that decide what a file of the dataset is taken for; the others say what becomes of it, and who cares."""


@lru_cache(maxsize=4_096)
def reading(text: str | None) -> str:
    """Return the part of a contract's text that decides what its files are taken for."""
    stated = json.loads(text) if text else {}
    kept = {name: stated[name] for name in READING if stated.get(name)}
    columns = {name: of for name, column in kept.get("columns", {}).items() if (of := _of_meaning(column))}
    kept |= {"columns": columns} if columns else {}
    if not columns:
        kept.pop("columns", None)
    return json.dumps(kept, sort_keys=True, ensure_ascii=False)


def changes(before: str | None, now: str | None) -> list[str]:
    """Return which fields of two texts read files in another way, such as `read.delimiter` or `columns.id`."""
    old, new = json.loads(reading(before)), json.loads(reading(now))
    return sorted(_differing(old, new))


def _of_meaning(column: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in column.items() if name != "description" and value not in (None, False)}


def _differing(old: dict[str, Any], new: dict[str, Any]) -> Iterator[str]:
    for field in {*old, *new}:
        was, becomes = old.get(field), new.get(field)
        if was == becomes:
            continue
        if field == "date":
            yield field
            continue
        names = {*(was or {}), *(becomes or {})}
        yield from (f"{field}.{name}" for name in names if (was or {}).get(name) != (becomes or {}).get(name))
