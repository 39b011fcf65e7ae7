"""Measure the flow beside what else brings a folder of small files into S3: rclone, s5cmd, aws s3 sync, dlt.

Every contender is one command, measured from its start to its end, on loopback beside `rclone serve s3`, whose folder is in
memory. They do not do the same: the report says what each does for its time. dlt is measured where its command is on the
path; it is no dependency of the benchmarks.

    python -m benchmarks.bench_peers                # print the table
    python -m benchmarks.bench_peers --write        # and write benchmarks/RESULTS-peers.md
    python -m benchmarks.bench_peers --files 1000   # fewer files
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.bench_scale import Bench, small_files
from benchmarks.measuring import (
    IN_MEMORY,
    ROOT,
    environment,
    lake_server,
    machine,
    measured,
    prefect_server,
    publish,
    wait_until_idle,
    without_pyarrow,
)
from benchmarks.scale_contenders import BUCKET
from tests.tools.servers import S3Server

RESULTS = ROOT / "benchmarks" / "RESULTS-peers.md"
FILES = 10_000
DLT = """
import sys
import dlt
from dlt.sources.filesystem import filesystem, read_csv

folder, address, endpoint, key, secret = sys.argv[1:]
secrets = {"aws_access_key_id": key, "aws_secret_access_key": secret, "endpoint_url": endpoint}
pipeline = dlt.pipeline("bench", destination=dlt.destinations.filesystem(address, credentials=secrets), dataset_name="raw")
files = filesystem(bucket_url=folder, file_glob="*.csv", incremental=dlt.sources.incremental("modification_date"))
pipeline.run((files | read_csv()).with_name("sensors"), loader_file_format="jsonl").raise_on_failed_jobs()
"""


@dataclass(frozen=True)
class Peer:
    """Another way to the bucket.

    Attributes:
        does: What it does, for the report.
        command: Makes its command of the folder, the server, and the place in the bucket; `None` where it is not here.
    """

    does: str
    command: Callable[[Path, S3Server, str], list[str] | None]


def _program(name: str) -> str | None:
    beside = Path(sys.executable).with_name(name)
    return str(beside) if beside.exists() else shutil.which(name)


def rclone(folder: Path, server: S3Server, prefix: str) -> list[str] | None:
    """Copy with rclone."""
    place = f":s3,provider=Rclone,env_auth=true,endpoint='{server.endpoint_url}':{BUCKET}/{prefix}"
    program = _program("rclone")
    return [program, "copy", "--checksum", "--config", os.devnull, str(folder), place] if program else None


def s5cmd(folder: Path, server: S3Server, prefix: str) -> list[str] | None:
    """Copy with s5cmd, which sends what the bucket does not have in the same size or later."""
    program = _program("s5cmd")
    place = f"s3://{BUCKET}/{prefix}/"
    return [program, "--endpoint-url", server.endpoint_url, "sync", f"{folder}/", place] if program else None


def aws(folder: Path, server: S3Server, prefix: str) -> list[str] | None:
    """Copy with the command line of AWS."""
    program = _program("aws")
    place = f"s3://{BUCKET}/{prefix}/"
    sync = ["s3", "sync", "--only-show-errors", str(folder), place]
    return [program, "--endpoint-url", server.endpoint_url, *sync] if program else None


def dlt(folder: Path, server: S3Server, prefix: str) -> list[str] | None:
    """Load with dlt."""
    program = shutil.which("dlt")
    arguments = [str(folder), f"s3://{BUCKET}/{prefix}", server.endpoint_url, server.access_key, server.secret_key]
    return [str(Path(program).with_name("python")), "-c", DLT, *arguments] if program else None


PEERS = {
    "s5cmd sync": Peer(
        "Bytes unchanged. Again: size and time. No checksum of what is stored, no look into a file, no record.", s5cmd
    ),
    "rclone copy --checksum": Peer(
        "Bytes unchanged, MD5 compared after sending. Again: MD5 of each file. No look into a file, no record.", rclone
    ),
    "aws s3 sync": Peer(
        "Bytes unchanged, a checksum goes with each request. Again: size and time. No look into a file, no record.", aws
    ),
    "dlt, filesystem to filesystem": Peer(
        "Rows, not bytes: reads each CSV with pandas, infers a schema, writes JSON lines. Again: names and times it has"
        " kept. No file can be had back as it came.",
        dlt,
    ),
}
OWN = (
    "Bytes unchanged, each proven after sending. Says of each file what pandas would (rows, columns, dtypes, counts),"
    " looks for sensitive columns, compares with the last landing, keeps a manifest, a log and the lake's pages."
    " Again: size, time, and the object's ETag."
)


def flow(bench: Bench, folder: Path, day: str) -> float:
    """Run the flow as a process of its own; returns its wall seconds."""
    wait_until_idle()
    options = {"endpoint": bench.lake.endpoint_url, "separator": ",", "day": day, "reread": False}
    command = [sys.executable, "-m", "benchmarks.scale_contenders", "flow", str(folder), "flow", json.dumps(options)]
    with without_pyarrow() as hide:
        return measured(command, bench.prefect.environment() | hide).wall_s


def rows(count: int) -> list[str]:
    """Measure every contender, first with an empty bucket and then with nothing changed; returns the table's rows."""
    with (
        lake_server() as lake,
        prefect_server() as prefect,
        without_pyarrow() as hide,
        tempfile.TemporaryDirectory(prefix="bench-source-", dir=IN_MEMORY) as source,
        tempfile.TemporaryDirectory(prefix="bench-home-") as home,
    ):
        bench = Bench(lake, prefect, hide)
        folder = Path(source)
        small_files(folder, count)
        found = []
        variables = environment(lake) | {"HOME": home, "DLT_DATA_DIR": home, "RUNTIME__DLTHUB_TELEMETRY": "false"}
        for name, peer in PEERS.items():
            command = peer.command(folder, lake, name.split()[0].strip(","))
            if command is None:
                found.append(f"| {name} | not here | | | {peer.does} |")
                continue
            wait_until_idle()
            first = measured(command, variables).wall_s
            again = measured(command, variables).wall_s
            found.append(_row(name, first, again, count, peer.does))
        own = [flow(bench, folder, "2024-03-05") for _ in range(2)]
        found.append(_row("this project, the whole flow", own[0], own[1], count, OWN))
        return found


def _row(name: str, first_s: float, again_s: float, count: int, does: str) -> str:
    row = f"| {name} | {first_s:.1f} | {first_s / count * 1000:.1f} | {again_s:.1f} | {does} |"
    print(row, flush=True)
    return row


def main() -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description="Measure the flow beside other ways into a bucket.")
    parser.add_argument("--files", type=int, default=FILES)
    parser.add_argument("--write", action="store_true", help=f"write {RESULTS.relative_to(ROOT)}")
    arguments = parser.parse_args()
    table = "\n".join(rows(arguments.files))
    text = f"""# Beside other ways into a bucket, measured

Written by `python -m benchmarks.bench_peers --write`: {machine()}, {time.strftime("%Y-%m-%d")}. {arguments.files:,} files of 5 KB, the S3 server
(`rclone serve s3`, its folder in memory) and Prefect's server on the same cores. Seconds are those of the whole command, its start
included (the flow's is about 4 s: Prefect). "Again" is the same command with nothing changed.

| | first s | ms a file | again s | what it does for that |
| --- | ---: | ---: | ---: | --- |
{table}
"""
    publish(text, RESULTS, arguments.write)
    return 0


if __name__ == "__main__":
    sys.exit(main())
