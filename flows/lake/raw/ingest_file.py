"""One file's way into the lake: profiled, then stored in the raw layer or kept in quarantine, ending in an outcome.

Plain functions of an S3 client: a Prefect task calls them for one file, a batch for many, and both tell the same of
each file. A file's trouble never leaves here as an exception; it becomes the outcome's reason, so that its neighbours
go on.

Left to others: which files there are and their keys (`flows.lake.sources.folder`), what a file holds
(`flows.lake.tables.profile`) and how it is stored (`flows.lake.raw.upload`, `flows.lake.raw.quarantine`).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Literal

from flows.lake.errors import (
    CsvRejected,
    DriftRejected,
    LakeError,
    MaskingDropped,
    MaskingError,
    MaskingFailed,
    SensitiveRejected,
)
from flows.lake.models import CsvProfile, Drift, FileOutcome, Progress, SourceFile
from flows.lake.raw.archive_file import profile_archive, refuse_masked, sensitive_members
from flows.lake.raw.arriving_file import read_arriving
from flows.lake.raw.file_drift import find_file_drift
from flows.lake.raw.masked_file import check_places, keep_original, masked_file, planned
from flows.lake.raw.outcomes import failed_outcome
from flows.lake.raw.raw_layer import RawLayer
from flows.lake.raw.sensitive import reading_with_a_watch, refusal
from flows.lake.raw.set_aside import set_aside
from flows.lake.raw.unchanged import known_profile
from flows.lake.web.errors import NotModified
from flows.lake.words import shown

Step = Literal["profile", "upload"]
"""What happens to a file, one after the other."""


@dataclass(frozen=True)
class ProfiledFile:
    """What was read of a file.

    Attributes:
        profile: What it holds.
        seconds: How long the reading took.
    """

    profile: CsvProfile
    seconds: float


def read_file(file: SourceFile, progress: Progress | None = None) -> ProfiledFile:
    """Profile one file, unless an earlier run did and it has not changed since.

    Raises:
        LakeError: As `flows.lake.tables.profile.profile_csv`.
    """
    if file.lost_rules:
        raise MaskingDropped(
            f"{file.title}: the dataset {shown(file.dataset)} was masked when it landed last, and no rule holds today.",
            remedy="Restore its rules in contracts; if it is to land in clear, name it in masking_off.",
            path=file.path,
        )
    if file.contract.mask and file.inside is not None:
        raise refuse_masked(file)
    if file.contract.mask and file.masking is None:
        raise MaskingFailed(file.path, "it was to be read before it was masked")
    if known := known_profile(file):
        return ProfiledFile(known, 0.0)
    started = time.monotonic()
    read = reading_with_a_watch if file.inside is None else profile_archive
    if file.arrival is not None:
        read = read_arriving
    return ProfiledFile(read(file, progress), time.monotonic() - started)


def store_file(
    file: SourceFile,
    read: ProfiledFile | Exception,
    to: RawLayer,
    progress: Progress | None = None,
    *,
    absent: bool = False,
) -> FileOutcome:
    """Store a file that was read, or set aside one that could not be.

    Args:
        file: The file.
        read: What was read of it, or why it could not be read.
        to: Where it goes.
        progress: Called while it is sent.
        absent: Whether a listing has just shown that its key holds nothing.
    """
    if isinstance(read, Exception):
        return set_aside(file, read, to)
    started = time.monotonic()
    try:
        archive = read.profile.archive
        if sensitive := sensitive_members(file, archive, read.profile) if archive else refusal(file, read.profile):
            raise sensitive
        drift = find_file_drift(file, read.profile)
        return _plan(file, read, to, drift) if file.rules.dry_run else _upload(file, read, to, drift, progress, absent)
    except (DriftRejected, SensitiveRejected) as error:
        return set_aside(file, error, to)
    except LakeError as error:
        return FileOutcome(
            file.path,
            file.dataset,
            file.key,
            "failed",
            reason=str(to.explain(error)),
            profile=read.profile,
            size_bytes=file.size_bytes,
            profile_s=read.seconds,
            upload_s=time.monotonic() - started,
        )


def ingest_file(
    file: SourceFile,
    to: RawLayer,
    *,
    absent: bool = False,
    watch: Callable[[Step], Progress] | None = None,
) -> FileOutcome:
    """Read a file and store it; whatever happens to it becomes its outcome.

    Args:
        file: The file.
        to: Where it goes.
        absent: Whether a listing has just shown that its key holds nothing.
        watch: Gives what is called during a step, as the step begins.
    """
    from flows.lake.raw.published import known_answer, not_modified
    from flows.lake.sources.s3_prefix import as_file

    try:
        known = known_answer(file, to)
        follow = file.inside is None and not file.contract.mask
        with as_file(to.bucket.client, file, known, whole=not follow, access=to.web_access) as local:
            if file.contract.mask and file.inside is None:
                return replace(_ingest_masked(local, to, absent), path=file.path, web=local.web)
            try:
                read: ProfiledFile | Exception = read_file(local, watch and watch("profile"))
            except Exception as error:
                read = error
            if local.arrival is not None:
                from flows.lake.sources.web import all_of

                local = all_of(local)
            sending = watch and watch("upload")
            return replace(store_file(local, read, to, sending, absent=absent), path=file.path, web=local.web)
    except NotModified:
        return not_modified(file)
    except LakeError as error:
        return failed_outcome(file, str(to.explain(error)))
    except Exception as error:
        # Nobody expected it, so the neighbours need not suffer from it.
        return failed_outcome(file, f"{type(error).__name__}: {error}")


def _ingest_masked(file: SourceFile, to: RawLayer, absent: bool) -> FileOutcome:
    """Mask a file, keep its original, and store what came of it; in clear it goes nowhere else.

    It is masked first, so that its bytes are read once for their digests. No text of an error that nobody expected is
    told: it may hold what somebody wanted masked.
    """
    outcome = FileOutcome(file.path, file.dataset, file.key, "failed", size_bytes=file.size_bytes)
    original, content, trouble = None, None, None
    try:
        with ExitStack() as stack:
            try:
                local, content = stack.enter_context(masked_file(file, to.masking_keys))
            except Exception as error:
                trouble = error
            original = keep_original(file, to.landing, content)
            if trouble:
                raise trouble
            outcome = replace(store_file(local, _read_masked(local), to, absent=absent), masking=local.masking)
    except (MaskingError, CsvRejected) as error:
        outcome = replace(outcome, state="rejected", reason=str(error), masking=planned(file))
    except LakeError as error:
        outcome = replace(outcome, reason=str(to.explain(error)), masking=planned(file))
    except Exception as error:
        why = f"{type(error).__name__} while it was masked"
        outcome = replace(failed_outcome(file, why), masking=planned(file))
    return replace(outcome, original=original)


def _read_masked(file: SourceFile) -> ProfiledFile | Exception:
    """Profile a masked file; where that fails, or pandas sees other columns than were masked, return why."""
    try:
        read = read_file(file)
        check_places(file, read.profile)
    except CsvRejected:
        return MaskingFailed(file.path, "what came of masking it cannot be read as CSV")
    except LakeError as error:
        return error
    return read


def _plan(file: SourceFile, read: ProfiledFile, to: RawLayer, drift: tuple[Drift, ...]) -> FileOutcome:
    from flows.lake.raw.upload import plan_upload

    plan = plan_upload(to.bucket, read.profile, file.key, options=to.options(file), root=file.root)
    return FileOutcome(
        file.path,
        file.dataset,
        file.key,
        plan,
        profile=read.profile,
        size_bytes=read.profile.size_bytes,
        drift=drift,
        profile_s=read.seconds,
    )


def _upload(
    file: SourceFile,
    read: ProfiledFile,
    to: RawLayer,
    drift: tuple[Drift, ...],
    progress: Progress | None,
    absent: bool,
) -> FileOutcome:
    from flows.lake.raw.upload import upload_settled

    def reprofile() -> CsvProfile:
        nonlocal drift
        again = read_file(replace(file, mtime_ns=0)).profile  # a new look, whatever is recorded of it
        drift = find_file_drift(file, again)
        return again

    started = time.monotonic()
    result, profile = upload_settled(
        to.bucket,
        file.path,
        read.profile,
        file.key,
        reprofile=reprofile,
        options=replace(to.options(file), look_first=not absent),
        progress=progress,
        root=file.root,
    )
    return FileOutcome(
        file.path,
        file.dataset,
        file.key,
        result.outcome,
        profile=profile,
        size_bytes=profile.size_bytes,
        bytes_sent=result.bytes_sent,
        version_id=result.version_id,
        verified_by=result.verified_by,
        etag=result.etag,
        drift=drift,
        profile_s=read.seconds,
        upload_s=time.monotonic() - started,
    )
