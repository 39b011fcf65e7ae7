"""Outcomes of files whose way ended before it began, or by something that nobody expected."""

from __future__ import annotations

from flows.lake.errors import UploadFailed
from flows.lake.models import FileOutcome, SourceFile

CANCELLED = "the run was cancelled before it landed"


def failed_outcome(file: SourceFile, why: str) -> FileOutcome:
    """Return the outcome of a file that failed for a reason that nobody expected."""
    error = UploadFailed(f"{file.path.name}: {why.rstrip('.')}.", remedy="The run's log in Prefect may tell more.")
    return FileOutcome(file.path, file.dataset, file.key, "failed", reason=str(error), size_bytes=file.size_bytes)
