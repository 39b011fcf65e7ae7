"""One run's files on a Dask cluster: on two workers on loopback, one of which is killed, and on one of its own."""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.conftest import fresh_bucket_name
from tests.system.conftest import PROJECT, PrefectServer, free_port, run_python
from tests.tools.servers import S3Server

FILES = 80
TIMEOUT_S = 240

STORE_BLOCK = """
import sys
from pydantic import SecretStr
from prefect_aws.client_parameters import AwsClientParameters
from blocks.lake_credentials import LakeCredentials
url, key, secret = sys.argv[1:]
LakeCredentials(
    aws_access_key_id=key, aws_secret_access_key=SecretStr(secret), region_name="us-east-1",
    aws_client_parameters=AwsClientParameters(endpoint_url=url),
).save("dask-lake", overwrite=True)
"""

RUN_FLOW = """
import sys
from flows.ingest_raw_dask import ingest_raw_dask
source, bucket = sys.argv[1:]
state = ingest_raw_dask(
    source=source, bucket=bucket, credentials="dask-lake", partition_date="2024-03-05", return_state=True,
    contracts={"Clientes": {"files": "clientes*", "columns": {"nome": {"mask": "hash"}}}}, masking_key="dask-key",
)
print(state.message)
sys.exit(not state.is_completed())
"""


PATIENCE = {f"DASK_DISTRIBUTED__COMM__TIMEOUTS__{name}": "300s" for name in ("TCP", "CONNECT")}
"""Dask gives up a connection after 30 s, which a busy machine may take to answer."""


@contextlib.contextmanager
def dask_process(prefect: PrefectServer, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "dask", *arguments],
        cwd=PROJECT,
        env=prefect.environment(**PATIENCE),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    folder.mkdir()
    for number in range(FILES):
        (folder / f"sensor_{number:03}.csv").write_text(f"id,value\n{number},0.5\n" * 50)
    return folder


def raw_files(rclone: S3Server, bucket: str) -> list[Path]:
    assert rclone.root
    return [path for path in (rclone.root / bucket / "Raw").rglob("*.csv") if path.is_file()]


@pytest.fixture
def bucket(prefect_server: PrefectServer, rclone: S3Server) -> str:
    """The name of a new bucket of the lake whose credentials are stored."""
    secrets = [rclone.endpoint_url, rclone.access_key, rclone.secret_key]
    stored = run_python(prefect_server, ["-c", STORE_BLOCK, *secrets])
    assert stored.returncode == 0, stored.stderr
    return fresh_bucket_name()


def with_variable(name: str, value: str) -> list[psutil.Process]:
    """Return the processes that have a variable in their environment."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.environ().get(name) == value and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


@pytest.mark.slow
def test_dask_worker_killed_in_mid_run_every_file_is_in_the_lake_once(
    prefect_server: PrefectServer, rclone: S3Server, source: Path, bucket: str
) -> None:
    address = f"tcp://127.0.0.1:{free_port()}"
    with contextlib.ExitStack() as processes:

        def start(*arguments: str) -> subprocess.Popen[bytes]:
            return processes.enter_context(dask_process(prefect_server, *arguments))

        start("scheduler", "--host", address, "--no-dashboard", "--no-show")
        worker = ("worker", address, "--nthreads", "1", "--no-nanny", "--no-dashboard")
        doomed, _ = start(*worker), start(*worker)
        run = subprocess.Popen(
            [sys.executable, "-c", RUN_FLOW, str(source), bucket],
            cwd=PROJECT,
            env=prefect_server.environment(DASK_SCHEDULER_ADDRESS=address, **PATIENCE),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        processes.callback(run.kill)
        deadline = time.monotonic() + TIMEOUT_S
        while len(raw_files(rclone, bucket)) < FILES // 4 and run.poll() is None and time.monotonic() < deadline:
            time.sleep(0.01)
        doomed.kill()
        killed_at = len(raw_files(rclone, bucket))
        output, _ = run.communicate(timeout=TIMEOUT_S)
    assert run.returncode == 0, output
    assert killed_at < FILES, "the run was over before the worker was killed"
    landed = raw_files(rclone, bucket)
    assert sorted(path.name for path in landed) == sorted(path.name for path in source.iterdir())
    assert all(path.read_bytes() == (source / path.name).read_bytes() for path in landed)
    assert rclone.secret_key not in output


@pytest.mark.slow
def test_dask_without_an_address_lands_every_good_file_once_from_a_script_without_a_main_guard(
    prefect_server: PrefectServer, rclone: S3Server, tmp_path: Path, bucket: str
) -> None:
    script, source = tmp_path / "script.py", tmp_path / "source"
    script.write_text(RUN_FLOW)
    source.mkdir()
    good = [source / f"sensor_{number:02}.csv" for number in range(24)]
    for number, path in enumerate(good):
        path.write_text(f"id,value\n{number},0.5\n")
    (source / "bad.csv").write_text('a,b\n1,"2\n')
    clients = [f"Zyxwvut {number}" for number in range(50)]
    (source / "clientes.csv").write_text("nome,n\n" + "".join(f"{name},1\n" for name in clients))
    key = run_python(prefect_server, ["-m", "blocks.register", "masking-key", "--name", "dask-key"])
    assert key.returncode == 0, key.stderr
    run = run_python(prefect_server, [str(script), str(source), bucket], timeout=TIMEOUT_S, OF_RUN=bucket)
    assert run.returncode == 1, run.stdout + run.stderr
    assert "1 of 26 files did not land: bad.csv (rejected): line 2" in run.stdout
    landed = {path.name: path for path in raw_files(rclone, bucket)}
    assert sorted(landed) == sorted(["clientes.csv", *(path.name for path in good)])
    # A worker loads the key by its name, and masks as any process does.
    header, *rows = landed["clientes.csv"].read_text().splitlines()
    assert header == "nome,n"
    assert len({row for row in rows if re.fullmatch("[0-9a-f]{64},1", row)}) == len(clients)
    # Had workers run the script again, there would be a log and a manifest for each.
    assert rclone.root
    (log,) = (rclone.root / bucket / "Logs").iterdir()
    (manifest,) = (rclone.root / bucket / "Manifests").rglob("*.json")
    assert all(path.name in log.read_text() for path in source.iterdir())
    assert len(json.loads(manifest.read_text())["files"]) == 26
    assert "Zyxwvut" not in run.stdout + run.stderr + log.read_text() + manifest.read_text()
    assert rclone.secret_key not in run.stdout + run.stderr + log.read_text() + manifest.read_text()
    assert not with_variable("OF_RUN", bucket)
