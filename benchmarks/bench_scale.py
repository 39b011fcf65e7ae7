"""Measure the flow against its scale: many small files, the two full-size ones, one large one.

Everything runs on loopback and shares the cores with the S3 server (`rclone serve s3`, its folder in memory) and the
Prefect server. A contender is a process of its own; its wall time is that of its work, without the start of processes
and servers, its memory the peak of it and its children.

    python -m benchmarks.bench_scale                 # print the tables
    python -m benchmarks.bench_scale --write         # and write RESULTS-scale.md
    python -m benchmarks.bench_scale --only many     # one part: many, pair or large
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.measuring import IN_MEMORY, environment, lake_server, measured, prefect_server
from tests.servers import S3Server
from tests.system.conftest import PrefectServer

BUCKET = "bench-scale"
BLOCK = "bench-lake"
COUNTS = (100, 1_000, 10_000)


@dataclass(frozen=True)
class Work:
    """What a contender's work took: wall seconds, and peak memory in MB of it and its children."""

    wall_s: float
    peak_mb: float


def small_files(folder: Path, count: int) -> None:
    """Write files of about 5 KB, each with its own numbers."""
    numbers = random.Random(1)
    genres = ("Drama", "Comedy", "Action,Crime")
    for file in range(count):
        rows = "".join(
            f'{row},{numbers.random():.6f},name-{numbers.randrange(10**6)},{numbers.randrange(1900, 2024)},"{genre}"\n'
            for row in range(130)
            for genre in [numbers.choice(genres)]
        )
        (folder / f"sensor_{file:05}.csv").write_text("id,value,name,year,genre\n" + rows, encoding="utf-8")


def work_plain(folder: Path, prefix: str, _options: dict[str, Any]) -> None:
    """Do what the flow replaces: `read_csv`, `info`, `upload_file`, one file after the other."""
    import io

    import boto3
    import pandas as pd
    from botocore.config import Config

    client = boto3.client("s3", endpoint_url=_options["endpoint"], config=Config(s3={"addressing_style": "path"}))
    for path in sorted(folder.iterdir()):
        frame = pd.read_csv(path, sep=_options["separator"])
        frame.info(buf=io.StringIO())
        client.upload_file(str(path), BUCKET, f"{prefix}/{path.name}")


def work_flow(folder: Path, _prefix: str, options: dict[str, Any]) -> None:
    """Run the flow."""
    from flows.ingest_raw import ingest_raw

    state: Any = ingest_raw(
        source=folder,
        bucket=BUCKET,
        credentials=BLOCK,
        partition_date=options["day"],
        return_state=True,
        **options.get("parameters", {}),
    )
    if not state.is_completed():
        raise RuntimeError(state.message)
    print(state.message)


WORKERS: dict[str, Callable[[Path, str, dict[str, Any]], None]] = {"plain": work_plain, "flow": work_flow}


def worker(name: str, folder: Path, prefix: str, options: dict[str, Any]) -> None:
    """Do one contender's work in this process and print the seconds it took."""
    # What a process imports before it starts its work is not the work.
    import boto3  # noqa: F401
    import pandas as pd  # noqa: F401

    if name == "flow":
        import flows.ingest_raw  # noqa: F401
    started = time.perf_counter()
    WORKERS[name](folder, prefix, options)
    print(json.dumps(time.perf_counter() - started))


class Bench:
    """The servers of a benchmark, and contenders run against them.

    Args:
        lake: The S3 server.
        prefect: The Prefect server.
    """

    def __init__(self, lake: S3Server, prefect: PrefectServer) -> None:
        self.lake = lake
        self.prefect = prefect
        self._runs = 0
        lake.client().create_bucket(Bucket=BUCKET)
        self.run_python(
            "from pydantic import SecretStr; from prefect_aws.client_parameters import AwsClientParameters\n"
            "from blocks.lake_credentials import LakeCredentials\n"
            f"LakeCredentials(aws_access_key_id={lake.access_key!r},"
            f" aws_secret_access_key=SecretStr({lake.secret_key!r}), region_name={lake.region!r},"
            f" aws_client_parameters=AwsClientParameters(endpoint_url={lake.endpoint_url!r})"
            f").save({BLOCK!r}, overwrite=True)"
        )

    def run_python(self, code: str) -> None:
        """Run some Python on the Prefect server."""
        measured([sys.executable, "-c", code], self.prefect.environment())

    def run(self, name: str, folder: Path, *, day: str = "", separator: str = ",", **parameters: Any) -> Work:
        """Run a contender; without a day, everything that it stores is new to the bucket."""
        self._runs += 1
        options = {
            "endpoint": self.lake.endpoint_url,
            "separator": separator,
            "day": day or f"2024-01-{self._runs:02}",
            "parameters": parameters,
        }
        arguments = ["--worker", name, str(folder), f"run-{self._runs}", json.dumps(options)]
        variables = self.prefect.environment() if name == "flow" else environment(self.lake)
        whole = measured([sys.executable, "-m", "benchmarks.bench_scale", *arguments], variables)
        return Work(float(json.loads(whole.output.splitlines()[-1])), whole.peak_mb)


def many(bench: Bench, counts: tuple[int, ...] = COUNTS) -> str:
    """Measure folders of many small files."""
    lines = [
        "| files | plain loop s | flow s | x plain | flow again s | x first | flow ms a file | plain MB | flow MB |",
        "| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for number, count in enumerate(counts, 1):
        with tempfile.TemporaryDirectory(prefix="bench-source-", dir=IN_MEMORY) as temporary:
            folder = Path(temporary)
            small_files(folder, count)
            day = f"2023-01-{number:02}"
            plain = bench.run("plain", folder)
            first = bench.run("flow", folder, day=day)
            again = bench.run("flow", folder, day=day)
        lines.append(
            f"| {count:,} | {plain.wall_s:.1f} | {first.wall_s:.1f} | {first.wall_s / plain.wall_s:.2f} |"
            f" {again.wall_s:.1f} | {again.wall_s / first.wall_s:.2f} | {first.wall_s / count * 1000:.1f} |"
            f" {plain.peak_mb:.0f} | {max(first.peak_mb, again.peak_mb):.0f} |"
        )
        print(lines[-1], flush=True)
    return "\n".join(lines)


def main() -> int:
    """Run the benchmark, or one contender in a process of its own."""
    parser = argparse.ArgumentParser(description="Measure the flow against its scale.")
    parser.add_argument("--only", choices=["many", "pair", "large"])
    parser.add_argument("--counts", type=int, nargs="*", default=COUNTS)
    parser.add_argument("--worker", nargs=4, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        name, folder, prefix, options = arguments.worker
        worker(name, Path(folder), prefix, json.loads(options))
        return 0
    with lake_server() as lake, prefect_server() as prefect:
        print(many(Bench(lake, prefect), tuple(arguments.counts)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
