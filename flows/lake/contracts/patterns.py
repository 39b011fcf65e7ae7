"""What a contract may say of its files: names with wildcards, the form of a day in them, and addresses."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from pathlib import Path

from flows.lake import keys
from flows.lake.errors import LakeError
from flows.lake.places import is_web
from flows.lake.web.addresses import name_form, origins


def is_address(text: str) -> bool:
    """Say whether what stands in `files` is where a file is published, and not what it is called."""
    return is_web(Path(text))


def file_pattern(pattern: str) -> str:
    """Return the name of files, or their address.

    Raises:
        ValueError: It is neither.
    """
    if not pattern.strip():
        raise ValueError("a pattern is empty")
    if is_address(pattern):
        try:
            count = len(origins(pattern, date(2000, 1, 1)))
        except LakeError as error:
            raise ValueError(str(error)) from None
        if count != 1:
            raise ValueError("it holds several addresses or none; write them as a list")
        return pattern
    if "/" in pattern:
        raise ValueError(f"{pattern!r} names a folder; a pattern is a file name with wildcards")
    return pattern


def forms_of(files: Iterable[str]) -> tuple[str, ...]:
    """Return what those files of a contract are called on every day that are published under another name each."""
    return tuple(form for text in files if is_address(text) and (form := name_form(text)))


def date_pattern(pattern: str) -> str:
    """Return the form of a date.

    Raises:
        ValueError: It is none.
    """
    if wrong := keys.check_date_pattern(pattern):
        raise ValueError(wrong)
    return pattern
