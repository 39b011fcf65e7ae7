"""How a dataset's profiles are told in Prefect's UI: the rows of its table and the Markdown above them.

Pure functions. A dataset of a few files shows each of them; of many, what they have in common and where they differ, so
that a table of ten thousand files stays one that a browser opens.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from flows.lake.models import ColumnProfile, CsvProfile
from flows.lake.reports.run_report import md

MOST_FILES = 20
"""Up to so many files a table has rows for each."""
MOST_HINTS = 10

Row = dict[str, str | int]


def profile_table(profiles: Sequence[CsvProfile]) -> list[Row]:
    """Return a dataset's columns as rows of a table, in the order of the files."""
    if len(profiles) > MOST_FILES:
        return _merged(profiles)
    rows: list[Row] = []
    for profile in profiles:
        file: Row = {"file": profile.path.name} if len(profiles) > 1 else {}
        rows += [
            {**file, "column": column.name, "non-null": column.non_null, "dtype": column.dtype, "why": _why(column)}
            for column in profile.columns
        ]
    return rows


def _why(column: ColumnProfile) -> str:
    """Say where to look for what decided a dtype; not the cell itself, since not all who see a profile see the data."""
    found = column.evidence
    return f"line {found.line} {found.reason}" if found else ""


def _merged(profiles: Sequence[CsvProfile]) -> list[Row]:
    """Return a row for each column and dtype, with the files that have it."""
    files: Counter[tuple[str, str]] = Counter()
    non_null: Counter[tuple[str, str]] = Counter()
    for profile in profiles:
        for column in profile.columns:
            files[column.name, column.dtype] += 1
            non_null[column.name, column.dtype] += column.non_null
    return [
        {"column": name, "non-null": non_null[name, dtype], "dtype": dtype, "files": count}
        for (name, dtype), count in files.items()
    ]


def profile_description(profiles: Sequence[CsvProfile], about: str) -> str:
    """Write the Markdown above a dataset's table.

    Args:
        profiles: One for each file, at least one.
        about: What the profiles are of, such as `2026-11-24 from /data/in`.
    """
    rows = sum(profile.rows for profile in profiles)
    files = md(profiles[0].path.name) if len(profiles) == 1 else f"{len(profiles):,} files"
    lines = [
        f"**{files}**, {md(about)}: {rows:,} rows x {_several(len(profile.columns) for profile in profiles)} columns,"
        f" delimiter {_several(md(repr(profile.delimiter)) for profile in profiles)},"
        f" encoding {_several(profile.encoding for profile in profiles)}."
    ]
    hints = [
        f"- {md(hint) if len(profiles) == 1 else md(f'{profile.path.name}: {hint}')}"
        for profile in profiles
        for hint in profile.hints
    ]
    if hints:
        lines += ["", *hints[:MOST_HINTS]]
    if len(hints) > MOST_HINTS:
        lines.append(f"- … and {len(hints) - MOST_HINTS:,} more remarks, which the log has.")
    return "\n".join(lines)


def _several(values: Iterable[object]) -> str:
    """Write the distinct values, the most frequent first."""
    found = [str(value) for value, _ in Counter(values).most_common()]
    return " or ".join(found[:3]) + (" or others" if len(found) > 3 else "")
