"""Measure what orchestration costs: the flow on the sample against a running server, and what it replaces.

Three programs, each a process of its own from start to end, in turn, several times over; the median counts:

- the flow `ingest-raw`: it creates a bucket, profiles, uploads and verifies the files, lists the bucket, ships a log;
- an empty Prefect flow on the same server;
- the boto3 and pandas script that people write instead: the same files into a new bucket, shape, dtypes and counts to a
  log, the log into the bucket.

The flow may take 2 s more than the other two together.

    python -m benchmarks.bench_orchestration            # print the table
    python -m benchmarks.bench_orchestration --write    # and write benchmarks/RESULTS-orchestration.md
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from benchmarks.measuring import publish
from tests.tools.servers import S3Server, rclone_server

ROOT = Path(__file__).parents[1]
SAMPLE = ROOT / "data" / "sample"
RESULTS = ROOT / "benchmarks" / "RESULTS-orchestration.md"
LIMIT_S = 2.0
FLOW, EMPTY, SCRIPT = "the flow `ingest-raw`", "an empty Prefect flow", "the boto3 and pandas script"


@dataclass(frozen=True)
class Run:
    """One run of a program: wall time from its start to its end, and processor time, in seconds."""

    wall_s: float
    cpu_s: float


def work_flow(bucket: str) -> None:
    """Run the flow as a worker does."""
    from flows.ingest_raw import ingest_raw

    state = ingest_raw(source=SAMPLE, bucket=bucket, credentials="bench", return_state=True)
    if not state.is_completed():
        raise RuntimeError(state.message)


def work_empty(_bucket: str) -> None:
    """Run a flow that does nothing."""
    from prefect import flow

    @flow
    def empty() -> None:
        pass

    empty()


def work_script(bucket: str) -> None:
    """Do what the flow does, as it is done without it: no retries, no verification, no artifacts."""
    import boto3
    import pandas as pd

    s3 = boto3.client("s3", endpoint_url=os.environ["BENCH_ENDPOINT"], region_name="us-east-1")
    s3.create_bucket(Bucket=bucket)
    day, log = date.today(), []
    for path in sorted(SAMPLE.glob("*.csv")):
        frame = pd.read_csv(path, sep="|")
        log += [path.name, str(frame.shape), str(frame.dtypes), str(frame.count())]
        s3.upload_file(str(path), bucket, f"Raw/Local/CSV/{path.stem.title()}/{day:%Y/%m/%d}/{path.name}")
    log += [entry["Key"] for entry in s3.list_objects_v2(Bucket=bucket)["Contents"]]
    s3.put_object(Bucket=bucket, Key=f"Logs/log-ingestao-{day:%Y%m%d}.txt", Body="\n".join(log).encode())


PROGRAMS: dict[str, Callable[[str], None]] = {FLOW: work_flow, EMPTY: work_empty, SCRIPT: work_script}


def measured(program: str, bucket: str) -> Run:
    """Run a program in a process of its own."""
    before, started = os.times(), time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.bench_orchestration", "--program", program, "--bucket", bucket],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    wall_s, after = time.perf_counter() - started, os.times()
    if done.returncode:
        raise RuntimeError(f"{program} failed:\n{done.stdout[-3000:]}{done.stderr[-3000:]}")
    cpu_s = after.children_user + after.children_system - before.children_user - before.children_system
    return Run(wall_s, cpu_s)


@contextmanager
def servers(state: Path) -> Iterator[None]:
    """Run a Prefect server and a lake, and point the programs at them."""
    os.environ["LAKE_STATE"] = str(state)
    # Imported here: where it keeps its state is read from the environment.
    from deployments.local import services

    services.isolate_prefect()
    with services.only_one(), rclone_server(state / "lake") as lake, services.prefect_server(services.free_port()):
        _store_block(lake)
        os.environ |= {
            "BENCH_ENDPOINT": lake.endpoint_url,
            "AWS_ACCESS_KEY_ID": lake.access_key,
            "AWS_SECRET_ACCESS_KEY": lake.secret_key,
        }
        yield


def _store_block(lake: S3Server) -> None:
    from prefect_aws.client_parameters import AwsClientParameters
    from pydantic import SecretStr

    from blocks.lake_credentials import LakeCredentials

    LakeCredentials(
        aws_access_key_id=lake.access_key,
        aws_secret_access_key=SecretStr(lake.secret_key),
        region_name="us-east-1",
        aws_client_parameters=AwsClientParameters(endpoint_url=lake.endpoint_url),
    ).save("bench", overwrite=True)


def compare(rounds: int) -> dict[str, Run]:
    """Return each program's medians; one round before is not counted, which warms caches."""
    runs: dict[str, list[Run]] = {program: [] for program in PROGRAMS}
    with tempfile.TemporaryDirectory(prefix="bench-orchestration-") as folder:
        (Path(folder) / "lake").mkdir()
        with servers(Path(folder)):
            for number in range(rounds + 1):
                for index, program in enumerate(PROGRAMS):
                    run = measured(program, f"bench-{number}-{index}")
                    if number:
                        runs[program].append(run)
    return {
        program: Run(statistics.median(run.wall_s for run in of), statistics.median(run.cpu_s for run in of))
        for program, of in runs.items()
    }


def report(medians: dict[str, Run], rounds: int) -> str:
    """Return the figures as Markdown."""
    over = medians[FLOW].wall_s - medians[EMPTY].wall_s - medians[SCRIPT].wall_s
    files = ", ".join(f"{path.name} {path.stat().st_size / 1e3:.0f} KB" for path in sorted(SAMPLE.glob("*.csv")))
    lines = [
        "# The price of orchestration, measured",
        "",
        f"Written by `python -m benchmarks.bench_orchestration --write` on {date.today()}: {files}, against a running"
        f" Prefect server and `rclone serve s3` on loopback, {os.cpu_count()} cores shared with both, Python"
        f" {platform.python_version()}, median of {rounds}. Each program is a process of its own, measured from start"
        " to end: its imports count, as they do when a worker starts a run.",
        "",
        "| | wall s | CPU s |",
        "| --- | ---: | ---: |",
        *(f"| {program} | {run.wall_s:.2f} | {run.cpu_s:.2f} |" for program, run in medians.items()),
        f"| the flow less the other two (at most {LIMIT_S:.0f} s) | {over:.2f} | |",
        "",
        "The flow does more than the script: it proves its credentials, hardens a new bucket, finds delimiter and"
        " encoding, checks each upload against what was read, and publishes profile and summary.",
    ]
    return "\n".join(lines) + "\n"


def main() -> int:
    """Run the benchmark, or one program in a process of its own."""
    parser = argparse.ArgumentParser(description="Measure what orchestration costs.")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--write", action="store_true", help=f"write {RESULTS.relative_to(ROOT)}")
    parser.add_argument("--program", choices=PROGRAMS, help=argparse.SUPPRESS)
    parser.add_argument("--bucket", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.program:
        PROGRAMS[arguments.program](arguments.bucket)
        return 0
    text = report(compare(arguments.rounds), arguments.rounds)
    publish(text, RESULTS, arguments.write)
    return 0


if __name__ == "__main__":
    sys.exit(main())
