"""Measure a file that comes from an address: fetched, profiled, stored and proven, against curl and an upload.

A server on loopback publishes one file of 5 GB, `rclone serve s3` takes it. This project does with it all that a run
does with one file. Its peers fetch it with `curl -o` and store it with boto3's `upload_file`; they read nothing of it.

    python -m benchmarks.bench_web            # print the tables
    python -m benchmarks.bench_web --write    # and write benchmarks/RESULTS-web.md
    python -m benchmarks.bench_web --quick    # with a file of 500 MB
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.measuring import (
    ROOT,
    Measured,
    environment,
    lake_server,
    lookalike,
    machine,
    measured,
    publish,
    without_pyarrow,
)

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

RESULTS = ROOT / "benchmarks" / "RESULTS-web.md"
BUCKET = "bench"
LARGE_BYTES, QUICK_BYTES = 5_000_000_000, 500_000_000
LIMIT_MB, TARGET = 150, 1.2
RUNS = {LARGE_BYTES: 1, QUICK_BYTES: 3}


def worker_own(url: str, endpoint_url: str, key: str) -> None:
    """Land the file as a run does, and print the seconds that it took."""
    from dataclasses import replace

    from flows.lake.memory import reuse_freed_memory
    from flows.lake.raw.ingest_file import ingest_file
    from flows.lake.raw.raw_layer import RawLayer
    from flows.lake.s3.bucket import Bucket
    from flows.lake.sources.folder import find_files
    from tests.tools import rules

    reuse_freed_memory()
    client = _client(endpoint_url)
    (file,) = find_files(rules.settings(source=Path(url)), date(2024, 3, 5)).files
    started = time.perf_counter()
    outcome = ingest_file(replace(file, key=key), RawLayer(Bucket(client, BUCKET)))
    print(time.perf_counter() - started)
    if outcome.state != "uploaded":
        raise RuntimeError(str(outcome.reason))


def worker_fetch(url: str, *_: str) -> None:
    """Fetch the file and do nothing with it."""
    from flows.lake.web.addresses import origins
    from flows.lake.web.fetching import Fetch

    (origin,) = origins(Path(url), date(2024, 3, 5))
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        Fetch(origin).into(Path(folder, "file"))
        print(time.perf_counter() - started)


def worker_curl(url: str, *_: str) -> None:
    """Fetch the file with curl and do nothing with it."""
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        subprocess.run(["curl", "-sSf", "-o", f"{folder}/file", url], check=True)
        print(time.perf_counter() - started)


def worker_peer(url: str, endpoint_url: str, key: str) -> None:
    """Fetch the file with curl and store it with boto3."""
    client = _client(endpoint_url)
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        subprocess.run(["curl", "-sSf", "-o", f"{folder}/file", url], check=True)
        client.upload_file(f"{folder}/file", BUCKET, key)
        print(time.perf_counter() - started)


def worker_pandas(url: str, endpoint_url: str, key: str) -> None:
    """Fetch the file with curl, read it with pandas in chunks, and store it with boto3."""
    import pandas as pd

    client = _client(endpoint_url)
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        subprocess.run(["curl", "-sSf", "-o", f"{folder}/file", url], check=True)
        rows, counts = 0, None
        for chunk in pd.read_csv(f"{folder}/file", sep="|", chunksize=50_000):
            rows += len(chunk)
            counts = chunk.count() if counts is None else counts + chunk.count()
        client.upload_file(f"{folder}/file", BUCKET, key)
        print(time.perf_counter() - started)


def _client(endpoint_url: str) -> S3Client:
    import boto3

    from flows.lake.s3.client import client_config

    return boto3.client("s3", endpoint_url=endpoint_url, config=client_config(path_style=True))


WORKERS: dict[str, Callable[..., None]] = {
    "this project: fetched, profiled, stored, proven": worker_own,
    "curl, then boto3.upload_file": worker_peer,
    "curl, pandas in chunks, then boto3.upload_file": worker_pandas,
    "this project: fetched alone": worker_fetch,
    "curl alone": worker_curl,
}


@contextmanager
def published(folder: Path) -> Iterator[str]:
    """Publish a folder on loopback until the block ends, by a process of its own; yields its address."""
    command = [sys.executable, "-u", "-m", "http.server", "0", "--bind", "127.0.0.1", "--directory", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
        try:
            assert server.stdout is not None
            yield server.stdout.readline().split("(")[1].split("/)")[0]
        finally:
            server.terminate()


def main() -> int:
    """Measure every contender in turn and print the report."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bench_web")
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--worker", nargs=4, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        name, *given = options.worker
        WORKERS[name](*given)
        return 0
    size_bytes = QUICK_BYTES if options.quick else LARGE_BYTES
    taken: dict[str, list[tuple[float, Measured]]] = {name: [] for name in WORKERS}
    with (
        tempfile.TemporaryDirectory(prefix="bench-web-") as folder,
        lake_server(size_bytes) as lake,
        published(Path(folder)) as address,
        without_pyarrow() as hidden,
    ):
        lookalike(Path(folder, "file.csv"), size_bytes)
        lake.client().create_bucket(Bucket=BUCKET)
        variables = environment(lake) | hidden | {"INGEST_WEB_HTTP": "1", "INGEST_WEB_PRIVATE": "1"}
        for number in range(RUNS[size_bytes]):
            for name in WORKERS:
                key = f"Raw/Web/CSV/File/2024/03/0{number + 1}/file.csv"
                command = [sys.executable, "-m", "benchmarks.bench_web", "--worker", name, f"{address}/file.csv"]
                took = measured([*command, lake.endpoint_url, key], variables)
                taken[name].append((float(took.output.split()[-1]), took))
                lake.client().delete_objects(Bucket=BUCKET, Delete={"Objects": [{"Key": key}]})
    publish(_report(taken, size_bytes), RESULTS, options.write and not options.quick)
    return 0


def _report(taken: dict[str, list[tuple[float, Measured]]], size_bytes: int) -> str:
    medians = {name: statistics.median(seconds for seconds, _ in runs) for name, runs in taken.items()}
    peers = dict(zip(WORKERS, ["curl, then boto3.upload_file"] * 3 + ["curl alone"] * 2, strict=True))
    rows = [
        f"| {name} | {medians[name]:.1f} | {medians[name] / medians[peers[name]]:.2f}"
        f" | {statistics.median(one.cpu_s for _, one in runs):.1f} | {max(one.peak_mb for _, one in runs):.0f} |"
        for name, runs in taken.items()
    ]
    return "\n".join(
        [
            "# A file from its address, measured",
            "",
            f"Written by `python -m benchmarks.bench_web --write`: one file of {size_bytes / 1e9:.1f} GB, "
            f"published by Python's `http.server` and stored by `rclone serve s3`, both on the same machine ({machine()}); "
            f"{'median of 3' if size_bytes == QUICK_BYTES else 'one run each'}, one contender at a time. Wall time is that of the work, processor time and peak memory "
            f"are those of the process with its children. Targets: {TARGET} times curl and an upload, {LIMIT_MB} MB.",
            "",
            "| | wall s | x its peer | CPU s | peak MB |",
            "| --- | ---: | ---: | ---: | ---: |",
            *rows,
            "",
            "This project's file is also parsed, so that rows, columns, dtypes and counts are known before it is stored, and read back by its "
            "checksum afterwards; curl and boto3 do neither. pandas in chunks finds rows and counts, and no dtypes of the whole.",
            "",
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
