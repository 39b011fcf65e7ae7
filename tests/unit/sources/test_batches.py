"""How the files of a run are spread over tasks."""

from __future__ import annotations

from pathlib import Path

import pytest

from flows.lake.models import SourceFile
from flows.lake.sources.batches import BATCH_BYTES, arrange
from flows.lake.units import LARGE_FILE_BYTES
from tests.tools.rules import RULES


def files(*sizes: int) -> list[SourceFile]:
    return [SourceFile(Path(f"f{n:07}.csv"), "F", f"key-{n:07}", size, RULES) for n, size in enumerate(sizes)]


def test_arrange_few_files_each_have_tasks_of_their_own() -> None:
    found = arrange(files(*[10] * 100), 100)
    assert len(found.alone) == 100
    assert found.batches == ()


def test_arrange_many_small_files_share_tasks_and_large_ones_do_not() -> None:
    given = files(*[5000] * 600, LARGE_FILE_BYTES, *[5000] * 150)
    found = arrange(given, 100)
    assert [file.size_bytes for file in found.alone] == [LARGE_FILE_BYTES]
    assert [len(batch.files) for batch in found.batches] == [250] * 3
    assert [(batch.number, batch.of) for batch in found.batches] == [(n, 3) for n in range(1, 4)]
    assert str(found.batches[0]) == "1 of 3: f0000000.csv … f0000249.csv"


@pytest.mark.parametrize("sizes", [[5000] * 100_000, [40_000_000] * 5_000, [1, 900_000_000] * 1_000])
def test_arrange_any_number_of_files_gives_a_few_hundred_task_runs_and_loses_none(sizes: list[int]) -> None:
    given = files(*sizes)
    found = arrange(given, 100)
    assert 2 * len(found.alone) + len(found.batches) <= 550
    spread = [*found.alone, *(file for batch in found.batches for file in batch.files)]
    assert sorted(file.key for file in spread) == [file.key for file in given]


def test_arrange_batches_close_at_their_bytes() -> None:
    found = arrange(files(*[BATCH_BYTES // 3] * 12), 0)
    assert [len(batch.files) for batch in found.batches] == [3, 3, 3, 3]


@pytest.mark.parametrize(
    ("left", "run_files", "own_tasks", "alone"),
    [(25, 10_000, 100, 25), (26, 10_000, 100, 0), (26, 100, 100, 26), (100, 101, 100, 0), (6, 10_000, 5, 0)],
)
def test_arrange_of_a_large_run_few_files_that_need_work_have_their_own_tasks(
    left: int, run_files: int, own_tasks: int, alone: int
) -> None:
    found = arrange(files(*[5000] * left), own_tasks, run_files=run_files)
    assert len(found.alone) == alone
    assert sum(len(batch.files) for batch in found.batches) == left - alone


def test_arrange_whole_files_are_batches_of_one() -> None:
    found = arrange(files(10, 20, 30), 100, whole=True)
    assert found.alone == ()
    assert [len(batch.files) for batch in found.batches] == [1, 1, 1]
