"""What became of the files of a run's tasks, also of tasks that ended otherwise than they should, or not at all."""

from __future__ import annotations

import concurrent.futures
from collections.abc import Mapping, Sequence
from typing import Any

from prefect.futures import PrefectFuture, PrefectWrappedFuture

from flows.lake.errors import LakeError
from flows.lake.models import FileOutcome, SourceFile
from flows.lake.raw.outcomes import CANCELLED, failed_outcome


def outcomes_of(files: Sequence[SourceFile], done: PrefectFuture[Any]) -> list[FileOutcome]:
    """Return the outcomes of a task's files, also where it ended in an error that nobody expected."""
    try:
        result = done.result(raise_on_failure=False)
    except Exception as error:  # the task itself was lost, as with a Dask worker that died again and again
        result = error
    if isinstance(result, FileOutcome):
        return [result]
    if isinstance(result, list):
        return result
    why = str(result) if isinstance(result, LakeError) else f"{type(result).__name__}: {result}"
    return [failed_outcome(file, why) for file in files]


def outcomes_when_cancelled(
    landing: Mapping[PrefectFuture[Any], Sequence[SourceFile]], timeout_s: float
) -> list[FileOutcome]:
    """Let no further task begin, wait for those that are at work, and return the outcomes of all their files.

    An upload that is under way when a run is cancelled may still land, and the manifest must name what is in the lake.

    Args:
        landing: The tasks that have not been waited for, and their files.
        timeout_s: How long they may take: whoever cancels a run does not wait for ever.
    """
    at_work = {
        future: future.wrapped_future
        for future in landing
        if isinstance(future, PrefectWrappedFuture) and not future.wrapped_future.cancel()
    }
    concurrent.futures.wait(at_work.values(), timeout_s)
    outcomes = []
    for future, files in landing.items():
        if future in at_work and at_work[future].done():
            outcomes += outcomes_of(files, future)
        else:
            outcomes += [failed_outcome(file, CANCELLED) for file in files]
    return outcomes
