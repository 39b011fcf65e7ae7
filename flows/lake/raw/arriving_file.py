"""A file that is profiled while it is fetched; where that began anew meanwhile, it is read again once it is there."""

from __future__ import annotations

from flows.lake.errors import LakeError
from flows.lake.models import CsvProfile, Progress, SourceFile
from flows.lake.raw.sensitive import reading_with_a_watch


def read_arriving(file: SourceFile, progress: Progress | None = None) -> CsvProfile:
    """Profile a file that is on its way.

    Raises:
        LakeError: It cannot be had, or as `flows.lake.tables.profile.profile_csv`.
    """
    from flows.lake.tables.arriving_source import ArrivingSource

    arrival = file.arrival
    assert arrival is not None  # noqa: S101 - the caller's condition
    begun = arrival.starts
    try:
        return reading_with_a_watch(file, None, lambda: ArrivingSource(file.path, arrival, progress))
    except LakeError:
        arrival.end()  # why it cannot be had goes before what that made of its beginning
        if arrival.starts == begun:
            raise
    return reading_with_a_watch(file, progress)
