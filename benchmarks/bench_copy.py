"""Measure copying a lake against `rclone copy --checksum`: between two `rclone serve s3` on loopback.

Two lakes: one of 10,000 small objects, and one with an object of 5 GB. Each contender copies the same source to a fresh
bucket of the other server, then copies again what has not changed; they take turns for some rounds. The project's copy also
reads and writes manifests and logs, proves each object by its manifest, and does all that in the time that is measured.
The time of starting the process is left out.

    python -m benchmarks.bench_copy            # print the table
    python -m benchmarks.bench_copy --write    # and write benchmarks/RESULTS-copy.md
    python -m benchmarks.bench_copy --quick    # 1,000 objects and 200 MB
    python -m benchmarks.bench_copy --large-gb 5 --large-rounds 1 --folder /tmp  # six minutes in place of a quarter of an hour
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from statistics import median

from benchmarks.measuring import IN_MEMORY, ROOT, environment, machine, measured, publish
from flows.lake.units import MIB
from tests.tools.servers import REGION, S3Server, rclone_server

RESULTS = ROOT / "benchmarks" / "RESULTS-copy.md"
SOURCE = "source"
DAY = date(2024, 3, 5)
FILES_A_DAY = 500
TARGET, AGAIN_TARGET = 1.1, 0.1


@dataclass(frozen=True)
class Case:
    """A lake: its name, how many objects it has and how large each is, in bytes; and how often it is copied."""

    name: str
    objects: int
    size_bytes: int
    rounds: int = 1


def write_lake(root: Path, bucket: str, case: Case) -> None:
    """Write a lake into the folder of a server: objects, and the manifests that name them."""
    from flows.lake import keys
    from flows.lake.manifests import manifest
    from flows.lake.s3.content import Content

    for first in range(0, case.objects, FILES_A_DAY):
        day = date.fromordinal(DAY.toordinal() + first // FILES_A_DAY)
        files = []
        for number in range(first, min(first + FILES_A_DAY, case.objects)):
            key = keys.raw_key(Path(f"file_{number:05}.csv"), "Bench", day)
            path = root / bucket / key
            path.parent.mkdir(parents=True, exist_ok=True)
            content = Content.of_chunks(_written(path, number, case.size_bytes))
            files.append(
                {
                    **{"name": path.name, "known_as": path.name, "dataset": "Bench", "day": day, "key": key},
                    **{"outcome": "uploaded", "size_bytes": content.size_bytes, "rows": 1, "encoding": "utf-8"},
                    **{"sha256": content.sha256, "crc64nvme": content.crc64nvme, "delimiter": "|"},
                }
            )
        moment = datetime(day.year, day.month, day.day, 6, tzinfo=UTC)
        run = {"run_id": "bench", "run_name": "bench", "run_count": 1, "source": "/data", "bucket": bucket}
        times = {"logical_date": day, "started": moment, "ended": moment, "duration_s": 1.0}
        made = manifest.Manifest.model_validate({"schema_version": 1, **run, **times, "files": files})
        path = root / bucket / keys.manifest_keys(day, "bench", "bench", 1)[0]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(manifest.to_json(made))


def _written(path: Path, number: int, size_bytes: int) -> Iterator[bytes]:
    """Write a file of a size, and yield its bytes in pieces."""
    line = b"tt%07d|Miss Jerry|1894|45|Romance|5.3|actress\n" % number
    piece = line * (MIB // len(line) if size_bytes > MIB else -(-size_bytes // len(line)))
    with path.open("wb") as file:
        left = size_bytes
        while left > 0:
            part = piece[:left]
            file.write(part)
            yield part
            left -= len(part)


def own(source: S3Server, target: S3Server, source_bucket: str, target_bucket: str) -> list[str]:
    """Return the command that copies a lake as the flow does."""
    arguments = [source.endpoint_url, target.endpoint_url, source.access_key, source.secret_key]
    return [sys.executable, "-m", "benchmarks.bench_copy", "--worker", *arguments, source_bucket, target_bucket]


def rclone(source: S3Server, target: S3Server, source_bucket: str, target_bucket: str) -> list[str]:
    """Return the command with which rclone copies a bucket."""
    program = str(Path(sys.executable).with_name("rclone"))
    sides = [
        f":s3,provider=Rclone,env_auth=true,endpoint='{server.endpoint_url}':{bucket}"
        for server, bucket in ((source, source_bucket), (target, target_bucket))
    ]
    return [program, "copy", "--checksum", "--multi-thread-streams", "0", "--config", os.devnull, *sides]


OWN, PEER = "this project", "rclone copy --checksum"
CONTENDERS = {OWN: own, PEER: rclone}


def work(endpoints: Sequence[str], access_key: str, secret_key: str, buckets: Sequence[str]) -> None:
    """Copy a lake in this process, and print how many seconds that took."""
    import boto3

    from blocks import sessions
    from flows.lake.copying.lake_copy import copy_lake
    from flows.lake.manifests.store import ManifestStore
    from flows.lake.s3.bucket import Bucket
    from flows.lake.s3.client import client_config

    started = time.perf_counter()
    session = boto3.Session(access_key, secret_key, region_name=REGION)
    sessions.read_times_quickly(session)  # as the block does
    config = client_config(max_connections=64, path_style=True)
    stores = [
        ManifestStore(Bucket(session.client("s3", endpoint_url=url, config=config), bucket))
        for url, bucket in zip(endpoints, buckets, strict=True)
    ]
    report = copy_lake(stores[0], stores[1])
    if report.bad:
        raise SystemExit(f"{report.bad[:3]}")
    print(time.perf_counter() - started)


@dataclass
class Result:
    """What one contender took for a lake, in seconds and each round, and for the same lake again."""

    first_s: list[float] = field(default_factory=list)
    again_s: list[float] = field(default_factory=list)
    peak_mb: float = 0.0


def compare(cases: Sequence[Case], folder: str | None) -> dict[str, dict[str, Result]]:
    """Have the contenders copy each lake, each time twice; they take turns, so that what else runs meets both."""
    results = {case.name: {contender: Result() for contender in CONTENDERS} for case in cases}
    with _servers(folder) as (source, target):
        assert source.root
        assert target.root
        one = Case("one", 1, 100)
        for case in (one, *cases):
            write_lake(source.root, f"{SOURCE}-{case.name}", case)
        starting = min(_copied(PEER, one, source, target, f"start-{number}", 0.0)[0] for number in range(3))
        for case in cases:
            for number in range(case.rounds):
                for contender, result in results[case.name].items():
                    bucket = f"{case.name}-{contender.split()[0]}-{number}"
                    first, again, peak_mb = _copied(contender, case, source, target, bucket, starting)
                    result.first_s.append(first)
                    result.again_s.append(again)
                    result.peak_mb = max(result.peak_mb, peak_mb)
    return results


def _copied(
    contender: str, case: Case, source: S3Server, target: S3Server, bucket: str, starting_s: float
) -> tuple[float, float, float]:
    """Copy a lake to a fresh bucket, twice; returns the seconds of both and the peak memory in MB of the first."""
    assert target.root
    (target.root / bucket).mkdir()
    command = CONTENDERS[contender](source, target, f"{SOURCE}-{case.name}", bucket)
    first, again = (measured(command, environment(source)) for _ in range(2))
    copied = sum(path.stat().st_size for path in (target.root / bucket / "Raw").rglob("*.csv"))
    if copied != case.objects * case.size_bytes:
        raise RuntimeError(f"{contender} copied {copied:,} bytes of {case}")
    shutil.rmtree(target.root / bucket)  # room for the next one
    if contender == OWN:
        return float(first.output), float(again.output), first.peak_mb
    return first.wall_s - starting_s, again.wall_s - starting_s, first.peak_mb


@contextmanager
def _servers(folder: str | None) -> Iterator[tuple[S3Server, S3Server]]:
    with ExitStack() as stack:
        roots = [Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-copy-", dir=folder))) for _ in "12"]
        source, target = (stack.enter_context(rclone_server(root)) for root in roots)
        yield source, target


def report(cases: Sequence[Case], folder: str | None) -> str:
    """Measure everything and return the report."""
    load = os.getloadavg()[0]
    results = compare(cases, folder)
    lines = [
        "# Copying a lake, measured",
        "",
        f"Written by `python -m benchmarks.bench_copy {' '.join(sys.argv[1:])}`: {machine()}, between two `rclone serve s3` on loopback,"
        f" whose folders are {'in memory' if folder == IN_MEMORY else 'on disk'} and which share the cores. Medians of the"
        " rounds in which both take turns, without the time of starting the process. The project's time includes manifests and proofs."
        f" Load average {load:.0f} at the start, {os.getloadavg()[0]:.0f} at the end. `again` is a second copy of what has not changed.",
        "",
        "| lake | rounds | | first s | x rclone | peak MB | again s | x its first | x rclone's first |",
        "| --- | ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for case in cases:
        peer_s = results[case.name][PEER].first_s
        for contender, result in results[case.name].items():
            lines.append(
                f"| {case.objects:,} of {case.size_bytes / 1e6:,.3f} MB | {case.rounds} | {contender} | {median(result.first_s):.1f}"
                f" | {_ratio(result.first_s, peer_s):.2f} | {result.peak_mb:.0f} | {median(result.again_s):.1f}"
                f" | {_ratio(result.again_s, result.first_s):.2f} | {_ratio(result.again_s, peer_s):.2f} |"
            )
    lines += [
        "",
        f"Wanted: at most {TARGET} x rclone, and {AGAIN_TARGET} x for the second copy. `rclone` gets"
        " `--multi-thread-streams 0`: in its default it asks for ranges of large objects, for each of which"
        " `rclone serve s3` reads the whole object (1 GB took it 295 s, 25 times as long).",
    ]
    return "\n".join(lines) + "\n"


def _ratio(own_s: Sequence[float], other_s: Sequence[float]) -> float:
    """Return the median of the ratios of rounds."""
    return median(one / other for one, other in zip(own_s, other_s, strict=True))


def main() -> int:
    """Run the benchmark, or the project's copy in a process of its own."""
    parser = argparse.ArgumentParser(description="Measure copying a lake against rclone.")
    parser.add_argument("--write", action="store_true", help=f"write {RESULTS.relative_to(ROOT)}")
    parser.add_argument("--quick", action="store_true", help="1,000 objects and 200 MB")
    parser.add_argument("--large-gb", type=float, default=5.0, help="the size of the large object; it has to fit twice")
    parser.add_argument("--rounds", type=int, default=3, help="how often each contender copies each lake")
    parser.add_argument(
        "--large-rounds", type=int, help="how often the one with the large object; as the other without"
    )
    parser.add_argument("--folder", default=IN_MEMORY, help="where the servers keep their objects; in memory without")
    parser.add_argument("--worker", nargs=6, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        one, other, access_key, secret_key, *buckets = arguments.worker
        work((one, other), access_key, secret_key, buckets)
        return 0
    many, large = (1_000, 200_000_000) if arguments.quick else (10_000, round(arguments.large_gb * 1e9))
    rounds = arguments.rounds
    cases = [Case("small", many, 2_000, rounds), Case("large", 1, large, arguments.large_rounds or rounds)]
    text = report(cases, arguments.folder)
    publish(text, RESULTS, arguments.write)
    return 0


if __name__ == "__main__":
    sys.exit(main())
