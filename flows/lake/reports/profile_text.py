"""Owns how a profile looks in a log: the table that `DataFrame.info()` prints, and the hints under it."""

from __future__ import annotations

from collections import Counter

from flows.lake.models import CsvProfile
from flows.lake.words import printable, shown

FIRST_COLUMNS, LAST_COLUMNS = 400, 100
"""What is shown of the columns of a wide file."""
LONGEST_NAME = 100


def format_profile(profile: CsvProfile) -> str:
    """Return a profile as a table of name, non-null count and dtype, for a log, without the middle of a wide one."""
    columns = list(enumerate(profile.columns))
    left_out = len(columns) - FIRST_COLUMNS - LAST_COLUMNS
    told = columns if left_out <= 0 else columns[:FIRST_COLUMNS] + columns[-LAST_COLUMNS:]
    rows = [(str(at), shown(one.name, LONGEST_NAME), f"{one.non_null:,} non-null", one.dtype) for at, one in told]
    place = max([1, *(len(at) for at, *_ in rows)])
    name_width = max([6, *(len(name) for _, name, *_ in rows)])
    count_width = max([14, *(len(count) for *_, count, _ in rows)])
    lines = [
        f"{shown(profile.path.name)}: {profile.rows:,} rows x {len(columns):,} columns, {profile.size_bytes:,} bytes",
        f"delimiter {profile.delimiter!r}, encoding {profile.encoding}, decimal {profile.decimal!r}",
        f"{'#':>{place}}  {'Column':<{name_width}}  {'Non-Null Count':<{count_width}}  Dtype",
    ]
    lines += [
        f"{at:>{place}}  {name:<{name_width}}  {count:>{count_width}}  {dtype}" for at, name, count, dtype in rows
    ]
    if left_out > 0:
        lines.insert(3 + FIRST_COLUMNS, f"… {left_out:,} columns are left out here; the manifest has each …")
    dtypes = Counter(column.dtype for column in profile.columns)
    lines.append("dtypes: " + ", ".join(f"{dtype}({count})" for dtype, count in sorted(dtypes.items())))
    lines.append(f"sha256 {profile.sha256}, crc64nvme {profile.crc64nvme}")
    lines.extend(f"hint: {printable(hint)}" for hint in profile.hints)
    return "\n".join(lines)
