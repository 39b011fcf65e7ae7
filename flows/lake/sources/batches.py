"""Which files get tasks of their own and which share one.

A task run costs Prefect and its server as much as a dozen small files cost the lake (50 ms), and thousands of them make
the UI lag. So a run of many files has a few hundred task runs at most, whatever the number of files: the large ones
keep tasks of their own, where progress and duration are worth seeing, the others are grouped by count and bytes. Pure
arithmetic; outcomes stay per file whatever is grouped here.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from flows.lake.models import SourceFile
from flows.lake.run_models import FileList
from flows.lake.units import LARGE_FILE_BYTES, MB

BATCH_FILES = 250
BATCH_BYTES = 64 * MB
"""A batch is closed at the first of the two, so that it takes seconds and a retry repeats little."""

FEW_FILES = 25
"""Of a large run's files that need work, so few have tasks of their own: a second or two for seeing each."""

MOST_BATCHES = 150
"""Beyond, batches grow instead of becoming more; counted by files and by bytes, so twice as many at the very most."""


@dataclass(frozen=True)
class Batch:
    """Files that share a task.

    Attributes:
        number: Which batch of the run it is, counted from 1.
        of: How many batches the run has.
        files: The files, in the order of their paths.
    """

    number: int
    of: int
    files: Sequence[SourceFile]

    def __str__(self) -> str:
        """Name it after its place and its first and last file."""
        first, last = self.files[0].path.name, self.files[-1].path.name
        return f"{self.number} of {self.of}: {first}" + (f" … {last}" if len(self.files) > 1 else "")


@dataclass(frozen=True)
class Arrangement:
    """How the files of a run are spread over tasks.

    Attributes:
        alone: Files with tasks of their own, in the order of their paths.
        batches: The others.
    """

    alone: tuple[SourceFile, ...]
    batches: tuple[Batch, ...] = ()


def arrange(files: Sequence[SourceFile], own_tasks: int, *, run_files: int = 0, whole: bool = False) -> Arrangement:
    """Spread files over tasks.

    Args:
        files: The files, in the order of their paths.
        own_tasks: Runs of up to this many files give each file its own tasks; in larger ones only large files have
            them, and at most this many.
        run_files: How many files the run has, those included that need no work.
        whole: Whether a file's way must not be cut in two tasks: a file with a task of its own is a batch of one then.
            That of a file that is masked is never cut, since what it becomes lives no longer than a task.
    """
    if len(files) <= (own_tasks if run_files <= own_tasks else min(own_tasks, FEW_FILES)):
        alone, groups = list(files), []
    else:
        large = sorted(
            (file for file in files if file.size_bytes >= LARGE_FILE_BYTES), key=lambda file: -file.size_bytes
        )
        chosen = {file.key for file in large[:own_tasks]}
        alone = [file for file in files if file.key in chosen]
        groups = list(_grouped([file for file in files if file.key not in chosen]))
    uncut = [file for file in alone if whole or file.contract.mask or file.contract.unpack]
    alone = [file for file in alone if not (whole or file.contract.mask or file.contract.unpack)]
    groups = [*((file,) for file in uncut), *groups]
    return Arrangement(
        tuple(alone), tuple(Batch(number, len(groups), FileList(group)) for number, group in enumerate(groups, 1))
    )


def _grouped(files: Sequence[SourceFile]) -> Iterable[tuple[SourceFile, ...]]:
    most_files = max(BATCH_FILES, math.ceil(len(files) / MOST_BATCHES))
    most_bytes = max(BATCH_BYTES, math.ceil(sum(file.size_bytes for file in files) / MOST_BATCHES))
    group: list[SourceFile] = []
    size_bytes = 0
    for file in files:
        if group and (len(group) >= most_files or size_bytes + file.size_bytes > most_bytes):
            yield tuple(group)
            group, size_bytes = [], 0
        group.append(file)
        size_bytes += file.size_bytes
    if group:
        yield tuple(group)
