"""How profiles are told: the rows and the Markdown of a dataset's artifact in Prefect's UI, and the table in a log.

Pure functions. A dataset of a few files shows each of them; of many, what they have in common and where they differ, so
that a table of ten thousand files stays one that a browser opens.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from flows.lake.models import Archive, ColumnProfile, CsvProfile
from flows.lake.words import cut, md, md_code, printable, quoted, shown

FIRST_COLUMNS, LAST_COLUMNS = 400, 100
"""What is shown of the columns of a wide file."""
LONGEST_NAME = 100
LONGEST_RECIPE = 1_000

MOST_FILES = 20
"""Tables of up to this many files have rows for each file."""
MOST_HINTS = 10
MOST_ROWS = 1_000
LAST_ROWS = 200
"""Rows of a table: a page of 200,000 takes the server seconds to store and a browser longer to show."""

Row = dict[str, str | int]


def profile_table(profiles: Sequence[CsvProfile]) -> list[Row]:
    """Return a dataset's columns as rows of a table, in the order of the files; the middle of a long one is left out.

    Prefect's V1 pages take cells as Markdown, so text from the file is escaped.
    """
    rows = _merged(profiles) if len(profiles) > MOST_FILES else _of_each(profiles)
    if len(rows) <= MOST_ROWS:
        return [_escaped(row) for row in rows]
    first, last = rows[: MOST_ROWS - LAST_ROWS], rows[-LAST_ROWS:]
    left_out = f"… {len(rows) - MOST_ROWS:,} rows are left out here; the run's manifest has every column …"
    note: Row = {**dict.fromkeys(first[0], ""), "column": left_out}
    return [*map(_escaped, first), note, *map(_escaped, last)]


def _escaped(row: Row) -> Row:
    return {name: md(shown(value)) if isinstance(value, str) else value for name, value in row.items()}


def _of_each(profiles: Sequence[CsvProfile]) -> list[Row]:
    """Return a row for each column of each file."""
    rows: list[Row] = []
    for profile in profiles:
        file: Row = {"file": profile.path.name} if len(profiles) > 1 else {}
        rows += [
            {**file, "column": column.name, "non-null": column.non_null, "dtype": column.dtype, "why": _why(column)}
            for column in profile.columns
        ]
    return rows


def _why(column: ColumnProfile) -> str:
    """Say which cell decided a dtype, and where it is."""
    evidence = column.evidence
    return f"line {evidence.line:,}: {quoted(evidence.token)} {evidence.reason}" if evidence else ""


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
    files = md(shown(profiles[0].path.name)) if len(profiles) == 1 else f"{len(profiles):,} files"
    lines = [
        f"**{files}**, {md(about)}: {rows:,} rows x {_several(len(profile.columns) for profile in profiles)} columns,"
        f" delimiter {_several(md(repr(profile.delimiter)) for profile in profiles)},"
        f" encoding {_several(profile.encoding for profile in profiles)}."
    ]
    recipes = Counter(_recipe(profile) for profile in profiles if profile.extra)
    lines += [f"\nRead with `{md_code(recipe)}`." for recipe, _ in recipes.most_common(3)]
    hints = [
        f"- {md(hint) if len(profiles) == 1 else md(f'{shown(profile.path.name)}: {hint}')}"
        for profile in profiles
        for hint in profile.hints
    ]
    if hints:
        lines += ["", *hints[:MOST_HINTS]]
    if len(hints) > MOST_HINTS:
        lines.append(f"- … and {len(hints) - MOST_HINTS:,} more remarks, which the log has.")
    return "\n".join(lines)


def _recipe(profile: CsvProfile) -> str:
    """Return the recipe of a file that is not plain, as Python writes it; long lists of names are cut."""
    return cut(", ".join(f"{name}={value!r}" for name, value in profile.recipe.items()), LONGEST_RECIPE)


def _several(values: Iterable[object]) -> str:
    """Write the distinct values, the most frequent first."""
    evidence = [str(value) for value, _ in Counter(values).most_common()]
    return " or ".join(evidence[:3]) + (" or others" if len(evidence) > 3 else "")


def format_profile(profile: CsvProfile) -> str:
    """Return a profile as a table of name, non-null count and dtype, for a log, without the middle of a wide one."""
    if profile.archive is not None:
        return _format_archive(profile, profile.archive)
    columns = list(enumerate(profile.columns))
    left_out = len(columns) - FIRST_COLUMNS - LAST_COLUMNS
    shown_columns = columns if left_out <= 0 else columns[:FIRST_COLUMNS] + columns[-LAST_COLUMNS:]
    rows = [
        (str(at), shown(one.name, LONGEST_NAME), f"{one.non_null:,} non-null", one.dtype) for at, one in shown_columns
    ]
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
    if profile.extra:
        lines.append(f"read with {printable(_recipe(profile))}")
    lines.append(f"sha256 {profile.sha256}, crc64nvme {profile.crc64nvme}")
    lines.extend(f"hint: {printable(hint)}" for hint in profile.hints)
    return "\n".join(lines)


def _format_archive(profile: CsvProfile, archive: Archive) -> str:
    """Return the profiles of the first members of an archive, below each other."""
    read = [member for member in archive.members if member.profile]
    lines = [
        f"{shown(profile.path.name)}: {profile.rows:,} rows in {len(read):,} of {len(archive.members):,} CSV files,"
        f" {profile.size_bytes:,} bytes",
        f"sha256 {profile.sha256}, crc64nvme {profile.crc64nvme}",
    ]
    for member in read[:MOST_FILES]:
        lines += ["", f"member {shown(member.name)}, CRC-32 {member.crc32}"]
        lines += [format_profile(member.profile)] if member.profile else []
    if len(read) > MOST_FILES:
        lines += ["", f"… {len(read) - MOST_FILES:,} more members; the manifest has each …"]
    return "\n".join(lines)
