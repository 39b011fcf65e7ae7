"""What is different about a file since it last landed: columns, dtypes, emptiness, number of rows.

Pure functions of two profiles. A first landing is not drift. What follows from something else is not told twice: a
column that became empty has another dtype for that reason, and a file without rows has no dtypes to speak of.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, Literal

from flows.lake.contracts.changes import changes
from flows.lake.models import DEFAULT_ROWS_PERCENT, ColumnProfile, CsvProfile, Drift, DriftKind, LastLanding
from flows.lake.words import quoted, shown

_NAMED_COLUMNS = 8
_LONGEST_NAME = 80
_TOLD_EACH = 3
_OF_MANY: dict[DriftKind, tuple[str, str]] = {
    "column renamed": ("columns have other names", ""),
    "column added": ("columns are new", " is new"),
    "column removed": ("columns are gone", " is gone"),
    "column empty": ("columns became empty", " became empty"),
    "dtype changed": ("columns have another dtype", ""),
}
"""What is said of many columns with the same kind of change, and what each one's own text repeats of it."""


def find_drift(
    before: LastLanding | None, now: CsvProfile, rows_percent: int = DEFAULT_ROWS_PERCENT, contract: str | None = None
) -> list[Drift]:
    """Return how a file differs from what landed of it last.

    Args:
        before: What landed last; with `None` there is no drift.
        now: The file now.
        rows_percent: By how many percent the number of rows may fall or grow.
        contract: The text of the contract that it is read by; `None` where that does not matter.
    """
    if before is None:
        return []
    renamed = _renamed(before.columns, now.columns)
    drift = list(_columns(before.columns, now.columns, renamed))
    if before.rows and now.rows:
        drift += _cells(before, now, renamed)
    drift += _recipe(before.recipe, now.recipe)
    return [*drift, *_rows(before.rows, now.rows, rows_percent), *_contract(before.contract, contract)]


def without_contract(drift: Sequence[Drift]) -> list[Drift]:
    """Return how a file itself differs: what people changed in its contract is no reason to keep it out."""
    return [change for change in drift if change.kind not in ("contract changed", "masking changed")]


def _recipe(before: Mapping[str, Any] | None, now: Mapping[str, Any]) -> Iterator[Drift]:
    """Yield how a file is read in another way, but for how many rows and lines are left out, which varies."""
    if before is None:
        return
    varies = {"nrows", "on_bad_lines", "skiprows", "names"}
    changed = sorted(name for name in {*before, *now} - varies if before.get(name) != now.get(name))
    if changed:
        told = "; ".join(f"{name} {before.get(name)!r} → {now.get(name)!r}" for name in changed[:_NAMED_COLUMNS])
        yield Drift("recipe changed", f"it is read in another way: {shown(told)}")


def _contract(before: str | None, now: str | None) -> Iterator[Drift]:
    if before is None or now is None or not (fields := changes(before, now)):
        return
    yield Drift("contract changed", f"the contract changed: {_and_more(fields[:_NAMED_COLUMNS], len(fields))}")


def missing_columns(required: Sequence[str], now: CsvProfile) -> list[Drift]:
    """Return the columns that the contract requires and a file does not have."""
    names = {column.name for column in now.columns}
    return [
        Drift("required column missing", f"it has no column {_q(name)}, which its contract requires", name)
        for name in required
        if name not in names
    ]


def told(drift: Sequence[Drift]) -> list[str]:
    """Return the drift of a file as people want to hear it: one text for many columns with the same change."""
    by_kind: dict[DriftKind, list[Drift]] = {}
    for change in drift:
        by_kind.setdefault(change.kind, []).append(change)
    texts: list[str] = []
    for kind, of_kind in by_kind.items():
        if len(of_kind) <= _TOLD_EACH or kind not in _OF_MANY:
            texts += [change.text for change in of_kind]
            continue
        said, repeated = _OF_MANY[kind]
        named = [change.text.removeprefix("column ").removesuffix(repeated) for change in of_kind[:_NAMED_COLUMNS]]
        texts.append(f"{len(of_kind):,} {said}: {_and_more(named, len(of_kind))}")
    return texts


def _and_more(named: Sequence[str], of: int) -> str:
    return ", ".join(named) + (f" and {of - len(named):,} more" if of > len(named) else "")


def sentence(drift: Sequence[Drift], before: LastLanding | None) -> str:
    """Return the drift of a file as one sentence without a full stop."""
    since = f"since {before.day} " if before else ""
    return since + "; ".join(told(drift))


def _renamed(before: Sequence[ColumnProfile], now: Sequence[ColumnProfile]) -> dict[str, str]:
    """Return new name by old name: a new column in an old one's place, with the same dtype, is taken for it."""
    old, new = [column.name for column in before], [column.name for column in now]
    gone, come = set(old) - set(new), set(new) - set(old)
    renamed: dict[str, str] = {}
    if not (gone and come):
        return renamed
    for (i, j), (i_end, j_end) in pairwise([(-1, -1), *_anchors(old, new), (len(old), len(new))]):
        if i_end - i != j_end - j:
            continue
        for was, becomes in zip(before[i + 1 : i_end], now[j + 1 : j_end], strict=True):
            if was.name in gone and becomes.name in come and was.dtype == becomes.dtype:
                renamed[was.name] = becomes.name
    return renamed


def _anchors(old: Sequence[str], new: Sequence[str]) -> list[tuple[int, int]]:
    """Return the places of the longest run of names that both have in the same order, as pairs, in that order.

    The names of a file's columns differ, so that this is a longest increasing subsequence: n log n of very wide files.
    """
    place = {name: at for at, name in enumerate(new)}
    ends: list[int] = []  # the place, in `new`, at which the best run of each length ends
    chain: list[tuple[int, int, int]] = []  # place in old, place in new, the link before it
    links: list[int] = []
    for i, name in enumerate(old):
        if (j := place.get(name)) is None:
            continue
        length = bisect_left(ends, j)
        chain.append((i, j, links[length - 1] if length else -1))
        ends[length : length + 1], links[length : length + 1] = [j], [len(chain) - 1]
    in_order, at = [], links[-1] if links else -1
    while at >= 0:
        i, j, at = chain[at]
        in_order.append((i, j))
    return in_order[::-1]


def _q(name: str) -> str:
    return quoted(name, _LONGEST_NAME)


def _columns(before: Sequence[ColumnProfile], now: Sequence[ColumnProfile], renamed: dict[str, str]) -> Iterator[Drift]:
    old = [renamed.get(column.name, column.name) for column in before]
    new = [column.name for column in now]
    for was, becomes in renamed.items():
        yield Drift("column renamed", f"column {_q(was)} is now {_q(becomes)}", becomes)
    known, now_names = set(old), set(new)
    for name in new:
        if name not in known:
            yield Drift("column added", f"column {_q(name)} is new", name)
    for name in old:
        if name not in now_names:
            yield Drift("column removed", f"column {_q(name)} is gone", name)
    stayed, order = [name for name in old if name in now_names], [name for name in new if name in known]
    if stayed != order:
        moved = [name for was, name in zip(stayed, order, strict=True) if was != name]
        named = _and_more([_q(name) for name in moved[:_NAMED_COLUMNS]], len(moved))
        yield Drift("columns reordered", f"columns stand in another order ({named})")


def _cells(before: LastLanding, now: CsvProfile, renamed: dict[str, str]) -> Iterator[Drift]:
    old = {renamed.get(column.name, column.name): column for column in before.columns}
    for column in now.columns:
        was = old.get(column.name)
        if was is None:
            continue
        if was.non_null and not column.non_null:
            yield Drift("column empty", f"column {_q(column.name)} became empty", column.name)
        elif was.dtype != column.dtype:
            change = f"column {_q(column.name)} changed from {was.dtype} to {column.dtype}"
            was_empty = "" if was.non_null else " (it was empty before)"
            yield Drift("dtype changed", f"{change}{was_empty}{_evidence(was, column)}", column.name)


def _evidence(was: ColumnProfile, now: ColumnProfile) -> str:
    """Return the cell that changed a dtype: ` (line 48,211, notaMedia: 'N/A' is not a number)`.

    A column of text that has become one of numbers changed by what is missing now, which no cell shows.
    """
    cell = now.evidence
    if cell is None or (was.non_null and was.dtype in {"str", "object"} and now.dtype != "str"):
        return ""
    return f" (line {cell.line:,}, {shown(now.name, _LONGEST_NAME)}: {_q(cell.token)} {cell.reason})"


def _rows(before: int, now: int, percent: int) -> Iterator[Drift]:
    if not before:
        if now:
            yield Drift("rows grown", f"there are {now:,} rows, and there were none")
    elif abs(now - before) * 100 > percent * before:
        kind: Literal["rows fallen", "rows grown"] = "rows fallen" if now < before else "rows grown"
        verb = "fell" if now < before else "grew"
        share = 100 * abs(now - before) / before
        yield Drift(kind, f"rows {verb} by {share:,.0f}% from {before:,} to {now:,}")
