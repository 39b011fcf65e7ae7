"""How the members of an archive differ from those of its last landing."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace

from flows.lake.manifests.drift import find_drift, missing_columns
from flows.lake.models import Archive, CsvProfile, Drift, LastLanding, Member, SourceFile
from flows.lake.words import quoted

_DIGITS = re.compile(r"\d+")


def differences_of(file: SourceFile, profile: CsvProfile) -> list[Drift]:
    """Return how a file, or each member of an archive, differs from its last landing."""
    if profile.archive is not None:
        return find_archive_drift(file, profile.archive)
    return find_drift(file.before, profile, file.rules.drift_rows_percent, file.contract.text)


def missing_in(file: SourceFile, profile: CsvProfile) -> list[Drift]:
    """Return the columns that contracts require and a file, or members of an archive, do not have."""
    if profile.archive is not None:
        return missing_in_members(file, profile.archive)
    return missing_columns(file.contract.required, profile)


def find_archive_drift(file: SourceFile, archive: Archive) -> list[Drift]:
    """Return how the members of an archive differ from those of its last landing, each compared with its own."""
    before = file.before.archive if file.before else None
    if file.before is None or before is None:
        return []
    drift: list[Drift] = []
    earlier = _by_name(before)
    for name, member in _by_name(archive).items():
        was = earlier.pop(name, None)
        told = quoted(member.name)
        if was is None:
            drift.append(Drift("member added", f"member {told} is new"))
        elif member.profile is None or was.profile is None:
            if was.profile is not None:
                drift.append(Drift("member unreadable", f"member {told} cannot be read any more"))
        else:
            last = _landing_of(file.before, was.profile)
            rules = file.inside.of_member(file, member.name, member.size_bytes).rules if file.inside else file.rules
            if rules.on_drift != "ignore":
                found = find_drift(last, member.profile, rules.drift_rows_percent)
                drift += (replace(one, text=f"member {told}: {one.text}") for one in found)
    drift += (Drift("member removed", f"member {quoted(member.name)} is gone") for member in earlier.values())
    return drift


def missing_in_members(file: SourceFile, archive: Archive) -> list[Drift]:
    """Return the columns that contracts require and members do not have."""
    missing: list[Drift] = []
    for member in archive.members:
        if member.profile and file.inside:
            required = file.inside.of_member(file, member.name, member.size_bytes).contract.required
            found = missing_columns(required, member.profile)
            missing += (replace(one, text=f"member {quoted(member.name)}: {one.text}") for one in found)
    return missing


def _landing_of(archive: LastLanding, profile: CsvProfile) -> LastLanding:
    return replace(archive, rows=profile.rows, columns=profile.columns, recipe=profile.recipe, contract=None)


def _by_name(archive: Archive) -> dict[str, Member]:
    """Return members by what they are compared as: names that differ in digits alone are one, if that is one member's.

    Portals put days, years and versions into names; which digits are a day is not known for members.
    """
    alike = Counter(_DIGITS.sub("#", member.name) for member in archive.members)
    return {
        form if alike[form := _DIGITS.sub("#", member.name)] == 1 else member.name: member for member in archive.members
    }
