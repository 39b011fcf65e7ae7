"""No cell of a masked column is in anything that a run leaves behind, whatever ends the run, `kill -9` included."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from signal import SIGKILL

import pytest

from tests.conftest import fresh_bucket_name
from tests.system.conftest import PROJECT, PrefectServer
from tests.tools.servers import S3Server

MARKER = "Zyxwvut"
"""In every cell that is to be masked, and nowhere else."""

GOOD = "nome;n;obs\n" + "".join(f'{MARKER} {n};{n};"{MARKER}, {n}"\n' for n in range(200_000))
FILES = {
    "clientes_1.csv": GOOD,
    "clientes_2.csv": f"{GOOD[:1_000_000]}\n{MARKER};1;{MARKER};{MARKER}\n",
    "clientes_3.csv": f"{MARKER};1;{MARKER}\n",
    "clientes_4.csv": f'nome;n;obs\n{MARKER};1;"{MARKER}\n',
}
KILLED = ("original", "masking", "upload")
STAGES = [("original", "folder"), ("masking", "s3"), ("upload", "folder"), ("error", "s3"), ("success", "folder")]


@pytest.fixture(scope="module")
def left(
    prefect_server: PrefectServer, rclone: S3Server, tmp_path_factory: pytest.TempPathFactory
) -> dict[tuple[str, str], dict[str, bytes]]:
    """All that a run of each stage left, by where it is."""
    root = tmp_path_factory.mktemp("silent")
    (root / "in").mkdir()
    for name, text in FILES.items():
        (root / "in" / name).write_text(text, encoding="utf-8")

    def run(stage: tuple[str, str]) -> dict[str, bytes]:
        return left_by(*stage, root, prefect_server, rclone)

    first = run(STAGES[0])  # alone: it registers the block types
    with ThreadPoolExecutor(2) as runs:
        return dict(zip(STAGES, [first, *runs.map(run, STAGES[1:])], strict=True))


def left_by(stage: str, place: str, root: Path, prefect_server: PrefectServer, rclone: S3Server) -> dict[str, bytes]:
    """Run a stage, and return all that it left, by where it is."""
    client, bucket, own = rclone.client(), fresh_bucket_name(), root / stage
    (own / "tmp").mkdir(parents=True)
    source = str(root / "in")
    client.create_bucket(Bucket=bucket)
    if place == "s3":
        source = f"s3://{bucket}/in"
        for path in (root / "in").iterdir():
            client.upload_file(str(path), bucket, f"in/{path.name}")
    arguments = [stage, source, bucket, rclone.endpoint_url, rclone.access_key, rclone.secret_key]
    run = subprocess.run(
        [sys.executable, "-m", "tests.tools.masking_runs", *arguments],
        cwd=PROJECT,
        env=prefect_server.environment(
            TMPDIR=str(own / "tmp"),
            PREFECT_LOCAL_STORAGE_PATH=str(own / "results"),
            PREFECT_RESULTS_PERSIST_BY_DEFAULT="true",
            PREFECT_LOGGING_LEVEL="DEBUG",
        ),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=240,
    )
    assert (run.returncode == -SIGKILL) == (stage in KILLED), run.stdout + run.stderr
    assert rclone.root
    lake = rclone.root / bucket
    files = [path for path in lake.rglob("*") if path.relative_to(lake).parts[0] not in ("in", "Landing")]
    heads = {
        f"{path}, metadata": str(client.head_object(Bucket=bucket, Key=str(path.relative_to(lake)))).encode()
        for path in lake.rglob("*")
        if path.is_file()
    }
    return contents([*files, *own.rglob("*")]) | heads | {"output": run.stdout + run.stderr}


def contents(paths: list[Path]) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in paths if path.is_file()}


@pytest.mark.slow
@pytest.mark.parametrize(("stage", "place"), STAGES)
def test_run_over_masked_files_leaves_no_cell_behind_however_it_ends(
    left: dict[tuple[str, str], dict[str, bytes]], stage: str, place: str
) -> None:
    told = left[stage, place]
    assert [name for name, data in told.items() if MARKER.encode() in data] == []
    raw = [name for name in told if "/Raw/" in name and not name.endswith("metadata")]
    assert bool(raw) == (stage == "success")
    if stage == "masking":
        assert any("ingest-raw-" in name for name in told)  # what was masked when the process was killed
    if stage not in KILLED:
        assert b"3 of 4 files did not land" in told["output"] or stage == "error"
        assert any("/results/" in name for name in told)


@pytest.mark.slow
def test_server_of_such_runs_was_told_no_cell(
    left: dict[tuple[str, str], dict[str, bytes]], prefect_server: PrefectServer
) -> None:
    assert left
    kept = contents(list(prefect_server.home.rglob("*")))  # logs, states, artifacts and events are all in its database
    assert any(b"clientes_2.csv" in data for data in kept.values())
    assert [name for name, data in kept.items() if MARKER.encode() in data] == []
