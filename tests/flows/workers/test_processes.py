"""Worker processes of a run: one that is killed costs no file, and none outlives the run."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from flows.lake.errors import LakeError
from flows.lake.masking_rules import MaskingRules
from flows.lake.models import CsvDialect, FileContract, SourceFile
from flows.lake.run_models import LakeAddress
from flows.workers import processes
from flows.workers.processes import WorkerProcesses
from tests.conftest import S3, fresh_bucket_name
from tests.flows.conftest import objects, store_block
from tests.tools.rules import RULES
from tests.tools.servers import S3Server

TIMEOUT_S = 60


@pytest.fixture
def lake(rclone: S3Server) -> S3:
    lake = S3(rclone, fresh_bucket_name())
    lake.client().create_bucket(Bucket=lake.bucket)
    return lake


@pytest.fixture
def address(lake: S3) -> LakeAddress:
    return LakeAddress(lake.bucket, store_block("processes", lake), run_id="a-run")


@pytest.fixture
def files(tmp_path: Path) -> list[SourceFile]:
    found = []
    for number in range(240):
        path = tmp_path / f"f{number:03}.csv"
        path.write_text("a,b\n1,2\n")
        found.append(SourceFile(path, "F", f"Raw/Local/CSV/F/2024/03/05/{path.name}", path.stat().st_size, RULES))
    return found


def working() -> list[psutil.Process]:
    """Return the worker processes: children of the fork server."""
    found = []
    for server in psutil.Process().children():
        try:
            if "forkserver" in " ".join(server.cmdline()):
                found += server.children()
        except psutil.Error:
            continue
    return [one for one in found if one.is_running() and one.status() != psutil.STATUS_ZOMBIE]


def until(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + TIMEOUT_S
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.05)
    return condition()


def test_processes_one_killed_every_file_has_one_outcome(
    lake: S3, address: LakeAddress, files: list[SourceFile]
) -> None:
    with WorkerProcesses(2) as workers:
        outcomes = workers.ingest(files, address)
        seen = [next(outcomes)]
        working()[0].kill()
        seen += outcomes
    assert sorted(outcome.path for outcome in seen) == [file.path for file in files]
    assert {outcome.state for outcome in seen} <= {"uploaded", "unchanged"}
    assert objects(lake) == {file.key: file.path.read_bytes() for file in files}
    assert until(lambda: not working())


def test_processes_of_few_files_are_none_and_the_run_s_own_ingests_them(
    address: LakeAddress, files: list[SourceFile], lake: S3
) -> None:
    with processes.workers(files[:5], own_tasks=5) as workers:
        outcomes = list(workers.ingest(files[:5], address))
        assert working() == []
    assert [outcome.state for outcome in outcomes] == ["uploaded"] * 5
    assert len(objects(lake, "Raw/")) == 5


def test_processes_run_that_is_ended_leaves_none(address: LakeAddress, files: list[SourceFile]) -> None:
    def interrupted() -> Iterator[None]:
        with WorkerProcesses(2) as workers:
            next(workers.ingest(files, address))
            assert working()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        next(interrupted())
    assert until(lambda: not working())


class Deadly(CsvDialect):
    """Ends the process that unpickles it."""

    def __reduce__(self) -> Any:
        return os._exit, (1,)


def test_processes_file_that_takes_its_process_down_is_named_and_the_others_land(
    lake: S3, address: LakeAddress, files: list[SourceFile]
) -> None:
    deadly = files[5] = replace(files[5], dialect=Deadly())
    with WorkerProcesses(2) as workers:
        seen = {outcome.path: outcome for outcome in workers.ingest(files[:10], address)}
    assert len(seen) == 10
    assert [path for path, outcome in seen.items() if outcome.is_bad] == [deadly.path]
    assert "was ended" in seen[deadly.path].reason
    assert len(objects(lake)) == 9


def test_processes_program_without_a_main_guard_is_not_run_again(
    lake: S3, address: LakeAddress, files: list[SourceFile], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script, ran = tmp_path / "script.py", tmp_path / "ran"
    script.write_text(f"open({str(ran)!r}, 'w').close()\nraise SystemExit(1)\n")
    program = sys.modules["__main__"]
    monkeypatch.setattr(program, "__file__", str(script), raising=False)
    monkeypatch.setattr(program, "__spec__", None)
    with WorkerProcesses(2) as workers:
        outcomes = list(workers.ingest(files[:60], address))
    assert {outcome.state for outcome in outcomes} == {"uploaded"}
    assert not ran.exists()
    assert program.__file__ == str(script)


def test_processes_that_end_before_they_get_a_file_end_the_run_and_blame_no_file(
    address: LakeAddress, files: list[SourceFile], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "_begin", os._exit)
    with WorkerProcesses(2) as workers, pytest.raises(LakeError, match="ended before it was given a file"):
        list(workers.ingest(files, address))


def test_processes_two_large_files_at_a_time_are_masked_by_the_run_and_others_elsewhere(
    lake: S3, address: LakeAddress, files: list[SourceFile], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "LARGE_FILE_BYTES", 1)
    rules = FileContract(mask=MaskingRules.parse({"a": "redact"}))
    masked = [replace(file, contract=rules) for file in files[:3]]
    with WorkerProcesses(4) as workers:
        held = [workers.ingest([file], address) for file in masked]
        outcomes = [next(held[0]), next(held[1])]
        assert not working()
        outcomes.append(next(held[2]))
        assert working()
    assert {outcome.state for outcome in outcomes} == {"uploaded"}
    assert {body for key, body in objects(lake).items() if key.startswith("Raw/")} == {b"a,b\nREDACTED,2\n"}
