"""Owns how a profile looks in a log: the table that `DataFrame.info()` prints, and the hints under it."""

from __future__ import annotations

from collections import Counter

from flows.lake.models import CsvProfile


def format_profile(profile: CsvProfile) -> str:
    """Return a profile as a table of name, non-null count and dtype, for a log."""
    names = [one_line(column.name) for column in profile.columns]
    counts = [f"{column.non_null:,} non-null" for column in profile.columns]
    place = max(1, len(str(len(names) - 1)))
    name_width = max([6, *map(len, names)])
    count_width = max([14, *map(len, counts)])
    lines = [
        f"{profile.path.name}: {profile.rows:,} rows x {len(names):,} columns, {profile.size_bytes:,} bytes",
        f"delimiter {profile.delimiter!r}, encoding {profile.encoding}, decimal {profile.decimal!r}",
        f"{'#':>{place}}  {'Column':<{name_width}}  {'Non-Null Count':<{count_width}}  Dtype",
    ]
    for number, (name, count, column) in enumerate(zip(names, counts, profile.columns, strict=True)):
        lines.append(f"{number:>{place}}  {name:<{name_width}}  {count:>{count_width}}  {column.dtype}")
    dtypes = Counter(column.dtype for column in profile.columns)
    lines.append("dtypes: " + ", ".join(f"{dtype}({count})" for dtype, count in sorted(dtypes.items())))
    lines.append(f"sha256 {profile.sha256}, crc64nvme {profile.crc64nvme}")
    lines.extend(f"hint: {hint}" for hint in profile.hints)
    return "\n".join(lines)


def one_line(name: str) -> str:
    """Return a column's name with its line ends and tabs escaped."""
    return name.replace("\r", "\\r").replace("\n", "\\n").replace("\t", "\\t")
