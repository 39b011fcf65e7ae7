"""Measure the upload against its peers: two full-size files to `rclone serve s3` on loopback.

Every contender stores the same two files under fresh keys of the same server, in turn, several times over; the median
counts. Wall time is that of the transfer itself: the Python contenders measure it, and from the commands' time that of
the same command on one small file is taken off. Processor time and peak memory are the whole process's. The project's
upload verifies what it stored, which is in its time.

    python -m benchmarks.bench_upload            # print the tables
    python -m benchmarks.bench_upload --write    # and write benchmarks/RESULTS-upload.md
    python -m benchmarks.bench_upload --quick    # without the file of 5 GB (which is removed again)
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.measuring import IN_MEMORY, ROOT, environment, full_size_files, lookalike, publish
from tests.tools.servers import S3Server, rclone_server

RESULTS = ROOT / "benchmarks" / "RESULTS-upload.md"
BUCKET = "bench"

LARGE_BYTES = 5_000_000_000
LARGE_LIMIT_MB = 200
TARGET = 1.1


@dataclass(frozen=True)
class Run:
    """One run: wall and processor time in seconds, peak memory in MB, and the requests it took where that is known."""

    wall_s: float
    cpu_s: float
    peak_mb: float
    requests: int | None = None


def worker_own(server: S3Server, folder: Path, prefix: str) -> tuple[float, int]:
    """Store every file of a folder as the flow does, and return the seconds and the number of requests."""
    from flows.lake.models import CsvProfile
    from flows.lake.raw.upload import upload_file
    from flows.lake.s3.bucket import Bucket
    from flows.lake.s3.client import client_config
    from flows.lake.s3.content import Content
    from flows.lake.source_file import opened

    client = server.client(config=client_config(path_style=True))
    sent: list[str] = []
    client.meta.events.register_first("before-call.s3", lambda model, **_: sent.append(model.name))
    profiles = []
    for path in sorted(folder.iterdir()):
        with opened(path) as source:
            content = Content.of_chunks(source.chunks())
            profiles.append(
                CsvProfile(
                    path=path,
                    rows=0,
                    columns=(),
                    size_bytes=content.size_bytes,
                    mtime_ns=source.mtime_ns,
                    sha256=content.sha256,
                    crc64nvme=content.crc64nvme,
                    encoding="utf-8",
                    delimiter="|",
                )
            )

    def store(profile: CsvProfile) -> None:
        upload_file(Bucket(client, BUCKET), profile.path, profile, f"{prefix}/{profile.path.name}")

    started = time.perf_counter()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(store, profiles))
    return time.perf_counter() - started, len(sent)


def worker_boto3(server: S3Server, folder: Path, prefix: str) -> tuple[float, int]:
    """Store every file of a folder with boto3's own `upload_file`, one after the other."""
    from botocore.config import Config

    client = server.client(config=Config(s3={"addressing_style": "path"}))
    sent: list[str] = []
    client.meta.events.register_first("before-call.s3", lambda model, **_: sent.append(model.name))
    started = time.perf_counter()
    for path in sorted(folder.iterdir()):
        client.upload_file(str(path), BUCKET, f"{prefix}/{path.name}")
    return time.perf_counter() - started, len(sent)


WORKERS: dict[str, Callable[[S3Server, Path, str], tuple[float, int]]] = {
    "this project": worker_own,
    "boto3.upload_file": worker_boto3,
}


def commands(server: S3Server) -> dict[str, Callable[[Path, str], list[str]]]:
    """Return the peers' commands, each from a folder and a prefix."""
    binaries = Path(sys.executable).parent
    s3, to = ["--endpoint-url", server.endpoint_url], f"s3://{BUCKET}/"
    rclone_to = f":s3,provider=Rclone,env_auth=true,endpoint='{server.endpoint_url}':{BUCKET}/"
    return {
        "aws s3 cp --recursive": lambda folder, prefix: [
            *(str(binaries / "aws"), "s3", "cp", "--recursive", "--only-show-errors", *s3),
            *(str(folder), f"{to}{prefix}/"),
        ],
        "s5cmd cp": lambda folder, prefix: [
            *(str(binaries / "s5cmd"), "--log", "error", *s3, "cp", f"{folder}/*", f"{to}{prefix}/")
        ],
        "rclone copy": lambda folder, prefix: [
            *(
                str(binaries / "rclone"),
                "copy",
                "--copy-links",
                "--config",
                os.devnull,
                str(folder),
                f"{rclone_to}{prefix}",
            )
        ],
    }


def measured(command: Sequence[str], variables: dict[str, str]) -> tuple[Run, str]:
    """Run a command to its end and return what it took and what it printed."""
    with tempfile.TemporaryFile() as output:
        started = time.perf_counter()
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, env=variables, cwd=ROOT)
        _, status, usage = os.wait4(process.pid, 0)
        wall_s = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        text = output.read().decode(errors="replace")
    if process.returncode:
        raise RuntimeError(f"{command[0]} failed:\n{text}")
    return Run(wall_s, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024), text


def worker_run(name: str, server: S3Server, folder: Path, prefix: str) -> Run:
    """Run a Python contender in a process of its own."""
    arguments = ["--worker", name, server.endpoint_url, server.access_key, server.secret_key, str(folder), prefix]
    whole, text = measured([sys.executable, "-m", "benchmarks.bench_upload", *arguments], environment(server))
    wall_s, requests = json.loads(text.splitlines()[-1])
    return Run(wall_s, whole.cpu_s, whole.peak_mb, requests)


def compare(folder: Path, rounds: int) -> dict[str, Run]:
    """Run every contender so many times, in turn, and return the medians."""
    with (
        tempfile.TemporaryDirectory(prefix="bench-", dir=IN_MEMORY) as root,
        rclone_server(Path(root) / "lake") as server,
    ):
        server.client().create_bucket(Bucket=BUCKET)
        variables, peers = environment(server), commands(server)
        small = Path(root) / "small"
        small.mkdir()
        (small / "one.csv").write_bytes(b"a|b\n")
        starts = {
            name: statistics.median(measured(command(small, "small"), variables)[0].wall_s for _ in range(3))
            for name, command in peers.items()
        }
        runs: dict[str, list[Run]] = {name: [] for name in (*WORKERS, *peers)}
        for number in range(rounds):
            for contender, name in enumerate(runs):
                prefix = f"run-{number}-{contender}"  # a folder that is removed behind the server is not used again
                if name in WORKERS:
                    run = worker_run(name, server, folder, prefix)
                else:
                    whole, _ = measured(peers[name](folder, prefix), variables)
                    run = Run(whole.wall_s - starts[name], whole.cpu_s, whole.peak_mb)
                check(folder, Path(root) / "lake" / BUCKET / prefix)
                shutil.rmtree(Path(root) / "lake" / BUCKET / prefix)
                runs[name].append(run)
        medians = {name: median_of(of_name) for name, of_name in runs.items()}
        worker_run("this project", server, folder, "again")
        medians["this project, unchanged files"] = median_of(
            [worker_run("this project", server, folder, "again") for _ in range(rounds)]
        )
    return medians


def check(folder: Path, stored: Path) -> None:
    """Make sure that a contender stored what it was given."""
    for path in folder.iterdir():
        if (stored / path.name).stat().st_size != path.stat().st_size:
            raise RuntimeError(f"{path.name} is not stored whole")


def median_of(runs: Sequence[Run]) -> Run:
    """Return the median of each measure."""
    return Run(
        statistics.median(run.wall_s for run in runs),
        statistics.median(run.cpu_s for run in runs),
        statistics.median(run.peak_mb for run in runs),
        runs[0].requests,
    )


def large() -> Run:
    """Store one file of 5 GB with the project's upload, and remove it again."""
    with (
        tempfile.TemporaryDirectory(prefix="bench-large-") as root,
        tempfile.TemporaryDirectory(prefix="bench-lake-", dir=IN_MEMORY) as lake,
        rclone_server(Path(lake)) as server,
    ):
        server.client().create_bucket(Bucket=BUCKET)
        folder = Path(root) / "source"
        folder.mkdir()
        lookalike(folder / "large.csv", LARGE_BYTES)
        return worker_run("this project", server, folder, "large")


def table(medians: dict[str, Run]) -> str:
    """Return the figures as a Markdown table."""
    peers = [run.wall_s for name, run in medians.items() if not name.startswith("this project")]
    lines = ["| | wall s | x fastest peer | CPU s | peak MB | requests |", "| --- | ---: | ---: | ---: | ---: | ---: |"]
    for name, run in medians.items():
        times = f"{run.wall_s / min(peers):.2f}"
        requests = "" if run.requests is None else str(run.requests)
        lines.append(f"| {name} | {run.wall_s:.2f} | {times} | {run.cpu_s:.2f} | {run.peak_mb:.0f} | {requests} |")
    return "\n".join(lines)


def report(folder: Path, rounds: int, *, with_large: bool) -> str:
    """Measure everything and return the report."""
    sizes = ", ".join(f"{path.name} {path.stat().st_size / 1e6:.0f} MB" for path in sorted(folder.iterdir()))
    load = os.getloadavg()[0]
    medians = compare(folder, rounds)
    text = (
        "# Upload, measured\n\n"
        "Written by `python -m benchmarks.bench_upload --write`: "
        f"{sizes}, to `rclone serve s3` on loopback, {os.cpu_count()} cores shared with the server, "
        f"Python {platform.python_version()}, the server's folder {'in memory' if IN_MEMORY else 'on disk'}, "
        f"median of {rounds}, load average {load:.0f} at the start. "
        "Wall time is that of the transfer itself, without the start of the process; this project's includes "
        "the verification.\n\n"
        f"{table(medians)}\n"
    )
    if with_large:
        run = large()
        text += (
            f"\nA file of {LARGE_BYTES / 1e9:.0f} GB: {run.wall_s:.1f} s, {run.cpu_s:.1f} s of CPU, "
            f"{run.peak_mb:.0f} MB at most (limit {LARGE_LIMIT_MB} MB).\n"
        )
    return text


def main() -> int:
    """Run the benchmark, or one contender in a process of its own."""
    parser = argparse.ArgumentParser(description="Measure the upload against its peers.")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--write", action="store_true", help=f"write {RESULTS.relative_to(ROOT)}")
    parser.add_argument("--quick", action="store_true", help="without the file of 5 GB")
    parser.add_argument("--worker", nargs=6, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        name, url, access_key, secret_key, folder, prefix = arguments.worker
        result: Any = WORKERS[name](S3Server("bench", url, access_key, secret_key), Path(folder), prefix)
        print(json.dumps(result))
        return 0
    with tempfile.TemporaryDirectory(prefix="bench-source-") as temporary:
        text = report(full_size_files(Path(temporary)), arguments.rounds, with_large=not arguments.quick)
    publish(text, RESULTS, arguments.write)
    return 0


if __name__ == "__main__":
    sys.exit(main())
