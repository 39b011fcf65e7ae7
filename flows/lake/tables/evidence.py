"""Owns the answer to "which cell made the column what it is?": the first line and token that forced a column's dtype.

It is asked only when a block changed the dtype of a column, so that most blocks cost nothing; then the block is walked
with the standard library's reader up to the cells in question. Evidence is for people: where it is not to be had (a
field beyond that reader's limit, say), there is none, and the profile stands without it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cache
from itertools import islice
from typing import Any

from flows.lake.models import DtypeEvidence
from flows.lake.tables.records import records
from flows.lake.tables.text_cells import MISSING

LONGEST_TOKEN = 80
_INTEGER = re.compile(r"[ \t]*[+-]?[0-9]+[ \t]*")
_BOOLEAN = re.compile(r"true|false", re.ASCII | re.IGNORECASE)
_POINT_NUMBER = r"[ \t]*[+-]?(?:[0-9]+{0}?[0-9]*(?:e[+-]?[0-9]+)?|{0}[0-9]+(?:e[+-]?[0-9]+)?|inf(?:inity)?)[ \t]*"
_INT64 = range(-(2**63), 2**63)
_MISSING = frozenset(MISSING)

_Question = Callable[[str], str | None]


def find_evidence(block: bytes, changed: Mapping[int, str], *, decimal: str, **how: Any) -> dict[int, DtypeEvidence]:
    """Return, for columns that a block gave another dtype, the first cell of the block that explains it.

    Args:
        block: A header and whole records, as UTF-8.
        changed: The dtype that each of these fields, counted from 0, has now.
        decimal: The decimal mark.
        how: What `csv.reader` takes.

    Returns:
        Evidence by field; its line is counted from 1 in the block.
    """
    wanted = {field: _question(dtype, decimal) for field, dtype in changed.items() if dtype != "int64"}
    evidence = _first_answers(block, wanted, how)
    # Text without any word: integers that are too large for what else there is.
    left = {field: _why_beyond for field in wanted if field not in evidence and changed[field] == "str"}
    return evidence | _first_answers(block, left, how)


def _first_answers(block: bytes, wanted: Mapping[int, _Question], how: Mapping[str, Any]) -> dict[int, DtypeEvidence]:
    evidence: dict[int, DtypeEvidence] = {}
    waiting = dict(wanted)
    if not waiting:
        return evidence
    for line, row in islice(records(block, **how), 1, None):
        for field, question in tuple(waiting.items()):
            token = row[field] if field < len(row) else ""
            if reason := question(token):
                evidence[field] = DtypeEvidence(line, _shortened(token), reason)
                del waiting[field]
        if not waiting:
            break
    return evidence


def _question(dtype: str, decimal: str) -> _Question:
    """Return the question whose first answer explains a dtype."""
    questions: dict[str, _Question] = {"float64": _why_no_integer, "uint64": _why_beyond, "bool": _why_boolean}
    if dtype in questions:
        return questions[dtype]
    return _why_object if dtype == "object" else _why_text(decimal)


def _why_no_integer(token: str) -> str | None:
    if token in _MISSING:
        return "is missing"
    return _why_beyond(token) if _INTEGER.fullmatch(token) else "is not an integer"


def _why_beyond(token: str) -> str | None:
    if len(token) < 19 or not _INTEGER.fullmatch(token):
        return None
    return "is beyond 64 bits with a sign" if len(token) > 4_000 or int(token) not in _INT64 else None


def _why_boolean(token: str) -> str | None:
    return "is a boolean" if _BOOLEAN.fullmatch(token) else None


def _why_object(token: str) -> str | None:
    return "is missing" if token in _MISSING else _why_beyond(token)


@cache
def _number_pattern(decimal: str) -> re.Pattern[str]:
    return re.compile(_POINT_NUMBER.format(re.escape(decimal)), re.IGNORECASE)


def _why_text(decimal: str) -> _Question:
    """Return a question for what is not a number, or in a column that begins with booleans, what is none."""
    number = _number_pattern(decimal)
    booleans: list[bool] = []

    def why(token: str) -> str | None:
        if token in _MISSING:
            return None
        if not booleans:
            booleans.append(_why_boolean(token) is not None)
        if booleans[0]:
            return None if _why_boolean(token) else "is not a boolean"
        return None if number.fullmatch(token) else "is not a number"

    return why


def _shortened(token: str) -> str:
    return token if len(token) <= LONGEST_TOKEN else token[: LONGEST_TOKEN - 1] + "…"
