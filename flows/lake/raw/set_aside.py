"""What becomes of a file that does not go the usual way: quarantine, landing, the raw layer unread, or nothing."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

from flows.lake import keys
from flows.lake.errors import (
    CsvRejected,
    DriftRejected,
    LakeError,
    MaskingError,
    SensitiveRejected,
)
from flows.lake.models import FileOutcome, SourceFile
from flows.lake.raw.masked_file import keep_original

if TYPE_CHECKING:
    pass


from flows.lake.raw.raw_layer import RawLayer


def set_aside(file: SourceFile, error: Exception, to: RawLayer) -> FileOutcome:
    """Return the outcome of a file that could not be read or is not to land, after keeping it where that is decided."""
    from flows.lake.raw.quarantine import quarantine_file

    if isinstance(error, (MaskingError, SensitiveRejected)):
        return _keep_out(file, error, to)
    rejected = isinstance(error, (CsvRejected, DriftRejected))
    reason = str(error) if isinstance(error, LakeError) else f"{type(error).__name__}: {error}"
    if isinstance(error, CsvRejected) and file.rules.unreadable == "land":
        return _land_unread(file, reason, to)
    kept_as = None
    if rejected and file.rules.unreadable != "leave" and not file.rules.dry_run:
        kept_as = keys.quarantine_key(file.key)
        try:
            options = to.options(file)
            quarantine_file(to.bucket, file.path, kept_as, reason=reason, options=options, root=file.root)
        except LakeError as trouble:
            kept_as, reason = None, f"{reason} It could not be kept in quarantine either: {to.explain(trouble)}"
    return FileOutcome(
        file.path,
        file.dataset,
        file.key,
        "rejected" if rejected else "failed",
        reason=reason,
        profile=error.profile if isinstance(error, DriftRejected) else None,
        size_bytes=file.size_bytes,
        kept_as=kept_as,
        drift=error.drift if isinstance(error, DriftRejected) else (),
    )


def _keep_out(file: SourceFile, error: MaskingError | SensitiveRejected, to: RawLayer) -> FileOutcome:
    """Reject a file that must be neither in the raw layer nor in quarantine; landing may keep a sensitive one."""
    reason, original = str(error), None
    if isinstance(error, SensitiveRejected) and file.masking is None:
        try:
            original = keep_original(file, to.landing)
        except LakeError as trouble:
            reason = f"{reason} It could not be kept in landing either: {to.explain(trouble)}"
    return FileOutcome(
        file.path,
        file.dataset,
        file.key,
        "rejected",
        reason=reason,
        profile=error.profile if isinstance(error, SensitiveRejected) else None,
        size_bytes=file.size_bytes,
        original=original,
    )


def _land_unread(file: SourceFile, reason: str, to: RawLayer) -> FileOutcome:
    """Store a file in the raw layer of which nothing is known but its bytes, since somebody decided so."""
    from flows.lake.raw.quarantine import quarantine_file

    started = time.monotonic()
    outcome = FileOutcome(
        file.path,
        file.dataset,
        file.key,
        "would upload",
        reason=f"It lands unread: {reason}",
        size_bytes=file.size_bytes,
    )
    if file.rules.dry_run:
        return outcome
    try:
        result = quarantine_file(
            to.bucket, file.path, file.key, reason=reason, options=to.options(file), root=file.root
        )
    except LakeError as trouble:
        return replace(outcome, state="failed", reason=f"{reason} It could not land unread: {to.explain(trouble)}")
    return replace(
        outcome,
        state=result.outcome,
        bytes_sent=result.bytes_sent,
        version_id=result.version_id,
        verified_by=result.verified_by,
        etag=result.etag,
        upload_s=time.monotonic() - started,
    )
