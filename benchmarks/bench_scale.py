"""Measure the flow against its scale: many small files, the two full-size ones, one large one.

Everything runs on loopback and shares the cores with the S3 server (`rclone serve s3`, its folder in memory) and the
Prefect server. A contender is a process of its own; its wall time is that of its work, without the start of processes
and servers, its memory the peak of it and its children.

    python -m benchmarks.bench_scale                         # print the tables
    python -m benchmarks.bench_scale --write                 # and write RESULTS-scale.md and docs/large-file.svg
    python -m benchmarks.bench_scale --only many pair large  # some parts
    python -m benchmarks.bench_scale --only large --sizes 10 # a file of 10 GB
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from statistics import median

from benchmarks.large_file_picture import picture
from benchmarks.measuring import (
    IN_MEMORY,
    ROOT,
    environment,
    full_size_files,
    lake_server,
    lookalike,
    machine,
    measured,
    prefect_server,
    wait_until_idle,
    without_pyarrow,
)
from benchmarks.scale_contenders import BLOCK, BUCKET, CONTENDERS
from tests.system.conftest import PrefectServer
from tests.tools.servers import S3Server

RESULTS = ROOT / "benchmarks" / "RESULTS-scale.md"
PICTURE = ROOT / "docs" / "large-file.svg"
HEADS = {"many": "## Many small files", "pair": "## The two full-size files", "large": "## One large file"}
PARTS = tuple(HEADS)
HOW = (
    "The S3 server (`rclone serve s3`, its folder in memory) and the Prefect server run on the same cores. Times are"
    " those of the work, without the start of processes and servers, and begin when the servers are idle; memory is the"
    " peak of a process and its children, but in the column `flow MB`, which is that of the flow's process by itself."
    " The loop and the script are `pandas.read_csv`, `info()` and `boto3.upload_file`, file after file. A run of the"
    " project has no pyarrow, so it is hidden from all of them but where the report says otherwise."
)
COUNTS = (100, 1_000, 10_000)
SIZES_GB = (0.1, 1.0, 5.0)
SCRIPT_UP_TO_GB = 1.0


@dataclass(frozen=True)
class Work:
    """What a contender's work took.

    Attributes:
        wall_s: Wall seconds of all that it did.
        files_s: Wall seconds of that which it did with the files themselves.
        peak_mb: Peak memory in MB of it and its children.
        largest_mb: The most in MB that one of these processes held.
        own_mb: How much of that came on top of what the process held when its work began.
    """

    wall_s: float
    files_s: float
    peak_mb: float
    largest_mb: float
    own_mb: float


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


def change(folder: Path, count: int) -> None:
    """Give every hundredth file other cells."""
    for path in sorted(folder.iterdir())[:count:100]:
        path.write_text(path.read_text(encoding="utf-8").replace("name-", "nome-"), encoding="utf-8")


class Bench:
    """The servers of a benchmark, and contenders run against them.

    Args:
        lake: The S3 server.
        prefect: The Prefect server.
        hide_pyarrow: Variables that hide pyarrow.
    """

    def __init__(self, lake: S3Server, prefect: PrefectServer, hide_pyarrow: dict[str, str]) -> None:
        self.lake = lake
        self.prefect = prefect
        self._hide_pyarrow = hide_pyarrow
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

    def forget(self) -> None:
        """Make room: empty the bucket's folder."""
        if self.lake.root:
            shutil.rmtree(self.lake.root / BUCKET / "Raw", ignore_errors=True)
            shutil.rmtree(self.lake.root / BUCKET / f"run-{self._runs}", ignore_errors=True)

    def run(
        self,
        name: str,
        folder: Path,
        *,
        day: str = "",
        separator: str = ",",
        pyarrow: bool = False,
        options: Mapping[str, object] | None = None,
    ) -> Work:
        """Run a contender; without a day, everything that it stores is new to the bucket, and read anew."""
        self._runs += 1
        wait_until_idle()  # Prefect's server goes on writing events for a while after a run
        given = {
            "endpoint": self.lake.endpoint_url,
            "separator": separator,
            "day": day or f"2024-01-{self._runs:02}",
            "reread": not day,
            **(options or {}),
        }
        arguments = [name, str(folder), f"run-{self._runs}", json.dumps(given)]
        variables = self.prefect.environment() if name == "flow" else environment(self.lake)
        variables |= {} if pyarrow else self._hide_pyarrow
        whole = measured([sys.executable, "-m", "benchmarks.scale_contenders", *arguments], variables)
        wall_s, files_s, held_mb = json.loads(whole.output.splitlines()[-1])
        return Work(wall_s, files_s, whole.peak_mb, whole.largest_mb, whole.peak_mb - held_mb)


def many(bench: Bench, counts: Sequence[int]) -> str:
    """Measure folders of many small files."""
    lines = [
        "| files | plain loop s | flow s | x plain | flow again s | x first | 1 % changed s | x first | flow ms a file | plain MB | flow MB | all its processes MB |",
        "| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for number, count in enumerate(counts, 1):
        with tempfile.TemporaryDirectory(prefix="bench-source-", dir=IN_MEMORY) as temporary:
            folder = Path(temporary)
            small_files(folder, count)
            day = f"2023-01-{number:02}"
            plain = bench.run("plain", folder)
            first = bench.run("flow", folder, day=day)
            again = bench.run("flow", folder, day=day)
            change(folder, count)
            changed = bench.run("flow", folder, day=day)
        lines.append(
            f"| {count:,} | {plain.wall_s:.1f} | {first.wall_s:.1f} | {first.wall_s / plain.wall_s:.2f} |"
            f" {again.wall_s:.1f} | {again.wall_s / first.wall_s:.2f} |"
            f" {changed.wall_s:.1f} | {changed.wall_s / first.wall_s:.2f} | {first.wall_s / count * 1000:.1f} |"
            f" {plain.peak_mb:.0f} | {max(first.largest_mb, again.largest_mb):.0f} |"
            f" {max(first.peak_mb, again.peak_mb):.0f} |"
        )
        print(lines[-1], flush=True)
    return "\n".join(lines)


def pair(bench: Bench, rounds: int, *, pyarrow: bool) -> str:
    """Measure the two full-size files against the script that the flow replaces; medians of some rounds."""
    with tempfile.TemporaryDirectory(prefix="bench-source-") as temporary:
        folder = full_size_files(Path(temporary))
        runs: dict[str, list[Work]] = {name: [] for name in CONTENDERS}
        for _ in range(rounds):
            for name, of_name in runs.items():
                of_name.append(bench.run(name, folder, separator="|", pyarrow=pyarrow))
    script_s = median(run.files_s for run in runs["plain"])
    rows = [
        ("script: read_csv, info, upload_file", "plain", "files_s"),
        ("profile, upload, proof without Prefect", "stages", "files_s"),
        ("flow: profile, upload, proof", "flow", "files_s"),
        ("flow: everything that it does", "flow", "wall_s"),
    ]
    lines = [
        "| | seconds | x script | peak MB | x script | its own MB | x script |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for title, name, field in rows:
        seconds = median(getattr(run, field) for run in runs[name])
        cells = [f"{seconds:.1f} | {seconds / script_s:.2f}"]
        for memory in ("peak_mb", "own_mb"):
            of_script = median(getattr(run, memory) for run in runs["plain"])
            megabytes = median(getattr(run, memory) for run in runs[name])
            cells.append(f"{megabytes:.0f} | {megabytes / of_script:.2f}")
        lines.append(f"| {title} | {' | '.join(cells)} |")
    return "\n".join(lines)


def pairs(bench: Bench, rounds: int) -> str:
    """Measure the two full-size files as a run has it, and where pyarrow is installed."""
    parts = [
        f"Medians of {rounds}. The flow's time with the files is that of the one which took longer, since they are worked on"
        " side by side. Its own memory is what came on top of the process with everything imported, before work began.",
        pair(bench, rounds, pyarrow=False),
    ]
    if find_spec("pyarrow"):
        parts += ["The same with pyarrow, with which pandas reads text faster:", pair(bench, rounds, pyarrow=True)]
    return "\n\n".join(parts)


def large(bench: Bench, sizes_gb: Sequence[float]) -> tuple[str, list[tuple[float, Work, Work | None]]]:
    """Measure one large file of several sizes; the script only where its memory is bearable."""
    lines = ["| GB | flow s | MB/s | flow MB | script s | script MB |", "| ---: | ---: | ---: | ---: | ---: | ---: |"]
    points: list[tuple[float, Work, Work | None]] = []
    for size_gb in sizes_gb:
        with tempfile.TemporaryDirectory(prefix="bench-source-") as temporary:
            folder = Path(temporary)
            lookalike(folder / "large.csv", round(size_gb * 1e9))
            flow = bench.run("flow", folder)
            script = bench.run("plain", folder, separator="|") if size_gb <= SCRIPT_UP_TO_GB else None
            bench.forget()
        points.append((size_gb, flow, script))
        compared = f"{script.wall_s:.1f} | {script.peak_mb:.0f}" if script else " | "
        speed = size_gb * 1000 / flow.files_s
        lines.append(f"| {size_gb:g} | {flow.wall_s:.1f} | {speed:.0f} | {flow.peak_mb:.0f} | {compared} |")
        print(lines[-1], flush=True)
    return "\n".join(lines), points


def report(parts: Sequence[str], counts: Sequence[int], sizes_gb: Sequence[float], rounds: int) -> dict[str, str]:
    """Measure some parts; returns each as a section of the report, and the picture."""
    found: dict[str, str] = {}
    day = time.strftime("%Y-%m-%d")
    largest_bytes = max(sizes_gb) * 1e9 if "large" in parts else 0
    with lake_server(largest_bytes) as lake, prefect_server() as prefect, without_pyarrow() as hide_pyarrow:
        bench = Bench(lake, prefect, hide_pyarrow)
        if "pair" in parts:
            found["pair"] = f"{HEADS['pair']}\n\nMeasured {day}.\n\n" + pairs(bench, rounds)
        if "large" in parts:
            table, points = large(bench, sizes_gb)
            found["large"] = f"{HEADS['large']}\n\nMeasured {day}.\n\n" + table
            found["picture"] = picture(points)
        if "many" in parts:
            found["many"] = f"{HEADS['many']}\n\nMeasured {day}.\n\n" + many(bench, counts)
    return found


def before(part: str) -> str:
    """Return a section as it was measured before."""
    _, head, rest = RESULTS.read_text(encoding="utf-8").partition(HEADS[part])
    return (head + rest.partition("\n## ")[0]).rstrip()


def main() -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description="Measure the flow against its scale.")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--counts", type=int, nargs="+", default=COUNTS)
    parser.add_argument("--sizes", type=float, nargs="+", default=SIZES_GB)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--write", action="store_true", help=f"write {RESULTS.relative_to(ROOT)}")
    arguments = parser.parse_args()
    found = report(arguments.only, arguments.counts, arguments.sizes, arguments.rounds)
    sections = "\n\n".join(found[part] for part in PARTS if part in found)
    print(sections)
    if arguments.write:
        head = "# Scale, measured\n\nWritten by `python -m benchmarks.bench_scale --write`: "
        sections = "\n\n".join(found.get(part) or before(part) for part in PARTS)
        RESULTS.write_text(f"{head}{machine()}. {HOW}\n\n{sections}\n", encoding="utf-8")
        if "picture" in found:
            PICTURE.write_text(found["picture"], encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
