"""The look at a file's cells while it is profiled: which columns look sensitive, and what follows from it.

Cells of columns that are masked, or look sensitive, are quoted by nothing: the profile loses what it knows of single
cells there, and its hints lose the cells and lines that they quote, also of other columns, since a hint does not
say for certain which column its evidence is of.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from flows.lake.errors import SensitiveRejected
from flows.lake.masking_rules import LooksSensitive
from flows.lake.models import CsvProfile, Progress, SourceFile
from flows.lake.words import quoted

if TYPE_CHECKING:
    from flows.lake.tables.profile import OpenSource

_MOST_TOLD = 20


def reading_with_a_watch(
    file: SourceFile, progress: Progress | None = None, open_source: OpenSource | None = None
) -> CsvProfile:
    """Profile a file, and say in its hints which columns look sensitive, unless nobody wants to know.

    Raises:
        LakeError: As `flows.lake.tables.profile.profile_csv`.
    """
    from flows.lake.landing.sensitive import SensitiveFinder
    from flows.lake.tables.profile import profile_csv

    finders: list[SensitiveFinder] = []

    def watch(names: list[str]) -> SensitiveFinder:
        finders.append(SensitiveFinder(names))
        return finders[-1]

    profile = profile_csv(
        file.path,
        file.dialect,
        progress=progress,
        root=file.root,
        max_columns=file.rules.max_columns,
        bad_rows_percent=file.rules.bad_rows_percent,
        watch=None if file.rules.sensitive == "ignore" else watch,
        open_source=open_source,
    )
    masked = set(file.contract.mask.as_texts())
    found = [one for one in (finders[-1].found() if finders else ()) if one.column not in masked]
    silent = masked | {one.column for one in found}
    return replace(
        profile,
        columns=tuple(replace(one, evidence=None) if one.name in silent else one for one in profile.columns),
        hints=(
            *(getattr(hint, "quiet", hint) if silent else hint for hint in profile.hints),
            *(one.sentence() for one in found[:_MOST_TOLD]),
        ),
        sensitive=tuple(LooksSensitive(one.column, one.kind, one.mask) for one in found),
    )


def refusal(file: SourceFile, profile: CsvProfile) -> SensitiveRejected | None:
    """Return why a file is kept out for what its columns look like, `None` where it is not."""
    if file.rules.sensitive != "reject" or not profile.sensitive:
        return None
    told = ", ".join(f"{quoted(one.column)} ({one.kind})" for one in profile.sensitive[:_MOST_TOLD])
    count = len(profile.sensitive)
    which = "a column that looks" if count == 1 else f"{count:,} columns that look"
    return SensitiveRejected(
        f"{file.title} has {which} sensitive and {'is' if count == 1 else 'are'} not masked: {told}.",
        remedy="State in its contract how they are masked, or sensitive: ignore if they may land in clear.",
        profile=profile,
        path=file.path,
        key=file.key,
    )
