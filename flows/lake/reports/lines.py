"""The lines of a run's log: what is said of each thing that a stage found, by the type of the thing.

Pure functions; who keeps the lines and who shows them to whom is the run's affair (`flows.ingest.run`).
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from functools import singledispatch

from flows.lake import units
from flows.lake.catalog.records import INDEX_KEY, Refreshed
from flows.lake.contracts.collection import named
from flows.lake.keys import CATALOG_PREFIX
from flows.lake.manifests.drift import sentence
from flows.lake.manifests.history import History
from flows.lake.models import FileOutcome
from flows.lake.raw.unchanged import Unchanged
from flows.lake.reports import masking_text, run_report
from flows.lake.reports.profile_report import format_profile
from flows.lake.run_models import BucketListing, BucketReport, LakeAddress, LandingReport
from flows.lake.sources.folder import SourceFolder
from flows.lake.words import shown

DETAIL, INFO, WARNING, ERROR = logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR

Line = tuple[int, str]
"""A level of `logging`, and a text."""


@dataclass(frozen=True)
class Telling:
    """Who is told what.

    Attributes:
        bucket: The lake's bucket, where it is known.
        alone: Whether a file is told of by itself; of several that share a task, a terminal hears only of bad ones.
        dry_run: Whether the run only says what it would do.
    """

    bucket: str | None = None
    alone: bool = True
    dry_run: bool = False


@singledispatch
def lines_of(result: object, telling: Telling) -> Iterator[Line]:  # noqa: ARG001 - what each kind needs
    """Yield what the log says of something that a stage found."""
    raise TypeError(f"Nobody knows what to say of a {type(result).__name__}.")


@lines_of.register
def _(result: str, _telling: Telling) -> Iterator[Line]:
    yield INFO, result


@lines_of.register
def _(lake: LakeAddress, _telling: Telling) -> Iterator[Line]:
    yield INFO, f"Lake s3://{lake.bucket}, credentials block {lake.credentials!r}"


@lines_of.register
def _(catalog: Refreshed, telling: Telling) -> Iterator[Line]:
    yield from ((WARNING, problem) for problem in catalog.unreadable)
    behind = f"; {catalog.behind:,} pages of datasets are older, it says how to make them" if catalog.behind else ""
    yield INFO, f"The lake's page: s3://{telling.bucket}/{INDEX_KEY}{behind}"


def not_refreshed(bucket: str, error: Exception) -> str:
    """Return what is said where the lake's pages could not be refreshed, which is never worth a failing run."""
    return (
        f"The pages under {CATALOG_PREFIX}/ could not be refreshed ({error}): the next run takes it up, or"
        f" python -m flows.lake.catalog {bucket}."
    )


@lines_of.register
def _(_result: None, _telling: Telling) -> Iterator[Line]:
    yield INFO, "The bucket does not exist yet: a real run would create it"


@lines_of.register
def _(bucket: BucketReport, _telling: Telling) -> Iterator[Line]:
    what = "Created bucket" if bucket.created else "Using the existing bucket"
    yield INFO, f"{what} {bucket.name} in {bucket.region}"
    for setting in bucket.settings:
        if setting.state != "not offered":
            yield DETAIL, f"Bucket setting {setting.name}: {setting.state}"
    if bucket.not_offered:
        yield DETAIL, f"Bucket settings that this endpoint does not offer: {', '.join(bucket.not_offered)}"
    for warning in bucket.warnings:
        yield WARNING, warning


@lines_of.register
def _(landing: LandingReport, _telling: Telling) -> Iterator[Line]:
    yield INFO, f"Originals of masked files are kept under s3://{landing.bucket}/Landing/ for {landing.days} days"
    for warning in landing.warnings:
        yield WARNING, warning


@lines_of.register
def _(folder: SourceFolder, telling: Telling) -> Iterator[Line]:
    chosen = len(folder.files) + len(folder.unusable)
    yield INFO, f"{chosen:,} file{'s' * (chosen != 1)} chosen, {folder.hidden:,} hidden left out"
    level = INFO if telling.dry_run else DETAIL
    if folder.unclaimed:
        count = len(folder.unclaimed)
        yield level, f"No contract claims {count:,} file{'s' * (count != 1)}: {named(folder.unclaimed)}"
    if folder.idle:
        yield level, f"Contracts that claim no file here: {named(folder.idle)}"


@lines_of.register
def _(history: History, _telling: Telling) -> Iterator[Line]:
    for problem in history.unreadable:
        yield WARNING, problem
    yield (
        INFO,
        f"{len(history.last):,} of {history.wanted:,} files landed before ({history.manifests:,} manifests read)",
    )


@lines_of.register
def _(unchanged: Unchanged, _telling: Telling) -> Iterator[Line]:
    if unchanged.outcomes:
        count, files = len(unchanged.outcomes), len(unchanged.outcomes) + len(unchanged.left)
        yield INFO, f"{count:,} of {files:,} files are recorded and unchanged: neither read nor sent"


@lines_of.register
def _(listing: BucketListing, _telling: Telling) -> Iterator[Line]:
    yield INFO, run_report.holds_text(listing.objects, listing.size_bytes, more=listing.more)


@lines_of.register
def _(outcome: FileOutcome, telling: Telling) -> Iterator[Line]:
    name = shown(outcome.path.name)
    if outcome.is_bad:
        kept = f" Kept as {outcome.kept_as}." if outcome.kept_as else ""
        kept += f" Its original is kept as {outcome.original}." if outcome.original else ""
        yield ERROR, f"{name} {outcome.state}: {outcome.reason}{kept}"
        return
    info, warning = (INFO, WARNING) if telling.alone else (DETAIL, DETAIL)
    where = f"s3://{telling.bucket}/{outcome.key}" if telling.bucket else outcome.key
    proof = f", verified by {outcome.verified_by}" if outcome.verified_by else ""
    shape, size = run_report.shape_text(outcome), units.size_text(outcome.size_bytes)
    yield info, f"{name} {outcome.state}: {where}, {shape}, {size}{proof}"
    if outcome.masking:
        yield info, f"{name} masked: {masking_text.told(outcome.masking)}"
    if outcome.drift:
        yield warning, f"{name} has changed: {sentence(outcome.drift, None)}"
    if outcome.profile:
        yield DETAIL, f"Profile of {name}:\n{format_profile(outcome.profile)}"
        for hint in outcome.profile.hints:
            yield warning, f"{name}: {hint}"
