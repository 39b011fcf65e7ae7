"""Measure `profile_csv` against whole-file readers, side by side in one run and each in a process of its own.

The question put to each is that of a profile: rows, columns, dtypes and non-null counts of the whole file. Times are
those of the work, without imports; processor time counts all threads; peak memory is the whole process's. A run of the
project has no pyarrow, with which pandas keeps text in another layout, so pandas and `profile_csv` are measured both
with it and without.

    python -m benchmarks.bench_profile            # print the tables
    python -m benchmarks.bench_profile --write    # and write benchmarks/RESULTS-profile.md
    python -m benchmarks.bench_profile --quick    # without the files of 1.7 and 5 GB (which are removed again)
"""

from __future__ import annotations

import argparse
import io
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.measuring import publish
from benchmarks.profile_contenders import NO_PYARROW, READERS

ROOT = Path(__file__).parents[1]
MOVIES = ROOT / "data" / "full" / "movies.csv"
RESULTS = ROOT / "benchmarks" / "RESULTS-profile.md"
ONE_TARGET, TWO_TARGET, PEAK_TARGET_MB, FLAT_TARGET = 1.3, 0.75, 220, 1.10
SMALL_FILES = 300


@dataclass(frozen=True)
class Run:
    """One run, or the median of several: wall and processor time in seconds, peak memory in MB."""

    wall_s: float
    cpu_s: float
    peak_mb: float


PANDAS = f"pandas.read_csv + info(){NO_PYARROW}"
OURS = f"profile_csv{NO_PYARROW}"


def measured(name: str, paths: Iterable[Path], *, how: str = "in turn", cores: int | None = None) -> Run:
    """Run a reader in a process of its own, on so many cores."""
    arguments = [sys.executable, "-m", "benchmarks.profile_contenders", name, how, *map(str, paths)]
    chosen = sorted(os.sched_getaffinity(0))[:cores]
    process = subprocess.Popen(
        arguments, stdout=subprocess.PIPE, cwd=ROOT, preexec_fn=lambda: os.sched_setaffinity(0, chosen)
    )
    assert process.stdout is not None
    text = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{name} failed")
    return Run(**json.loads(text), peak_mb=usage.ru_maxrss / 1024)


def at_once(name: str, paths: list[Path]) -> Run:
    """Run a reader once for each file, in processes at the same time."""
    runs: list[Run] = []
    threads = [threading.Thread(target=lambda path=path: runs.append(measured(name, [path]))) for path in paths]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return Run(max(run.wall_s for run in runs), sum(run.cpu_s for run in runs), sum(run.peak_mb for run in runs))


def medians(rounds: int, contenders: dict[str, Callable[[], Run]]) -> dict[str, Run]:
    """Run every contender so many times, in turn, and return the medians."""
    runs: dict[str, list[Run]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, contender in contenders.items():
            runs[name].append(contender())
    return {
        name: Run(
            *(statistics.median(getattr(run, field) for run in of_name) for field in ("wall_s", "cpu_s", "peak_mb"))
        )
        for name, of_name in runs.items()
    }


def one_file(rounds: int, cores: int | None) -> dict[str, Run]:
    """Measure every reader on one file."""
    names = [OURS, PANDAS, "profile_csv", *list(READERS)[1:]]
    return medians(rounds, {name: partial(measured, name, [MOVIES], cores=cores) for name in names})


def two_files(rounds: int) -> dict[str, Run]:
    """Measure two files at once on two cores."""
    pair = [MOVIES, MOVIES]
    contenders: dict[str, Callable[[], Run]] = {
        f"{OURS}, two threads": lambda: measured(OURS, pair, how="threads", cores=2),
        f"{OURS}, two processes": lambda: at_once(OURS, pair),
        "profile_csv, two threads": lambda: measured("profile_csv", pair, how="threads", cores=2),
        "profile_csv, two processes": lambda: at_once("profile_csv", pair),
        f"{PANDAS}, one after the other": lambda: measured(PANDAS, pair, cores=2),
        f"{PANDAS}, two threads": lambda: measured(PANDAS, pair, how="threads", cores=2),
        "pandas.read_csv + info(), one after the other": lambda: measured("pandas.read_csv + info()", pair, cores=2),
        "pandas.read_csv + info(), two threads": lambda: measured(
            "pandas.read_csv + info()", pair, how="threads", cores=2
        ),
    }
    return medians(rounds, contenders)


def table(runs: dict[str, Run], reference: str) -> str:
    """Return figures as a Markdown table, wall times also as a multiple of the reference's."""
    base = runs[reference].wall_s
    lines = ["| | wall s | x pandas | CPU s | peak MB |", "| --- | ---: | ---: | ---: | ---: |"]
    for name, run in runs.items():
        lines.append(f"| {name} | {run.wall_s:.2f} | {run.wall_s / base:.2f} | {run.cpu_s:.2f} | {run.peak_mb:.0f} |")
    return "\n".join(lines)


def small_files() -> str:
    """Return what a small file costs, beside `pandas.read_csv` of it."""
    command = [sys.executable, "-m", "benchmarks.bench_profile", "--small"]
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.strip()


def time_small_files() -> str:
    """Profile files of 5 KB one after the other in this process."""
    sys.modules["pyarrow"] = None  # type: ignore[assignment]
    import pandas as pd

    from flows.lake.models import CsvDialect
    from flows.lake.tables.profile import profile_csv

    with tempfile.TemporaryDirectory() as folder, MOVIES.open("rb") as movies:
        header, paths = movies.readline(), []
        for number in range(SMALL_FILES):
            path = Path(folder) / f"{number}.csv"
            path.write_bytes(header + b"".join(movies.readline() for _ in range(30)))
            paths.append(path)
        stated = CsvDialect("|", "utf-8", ".", '"')
        took = {}
        calls: dict[str, Callable[[Path], Any]] = {
            "pandas": lambda path: pd.read_csv(path, sep="|", low_memory=False),
            "info": lambda path: pd.read_csv(path, sep="|", low_memory=False).info(buf=io.StringIO()),
            "ours": profile_csv,
            "stated": lambda path: profile_csv(path, stated),
        }
        for name, call in calls.items():
            call(paths[0])
            times = []
            for path in paths:
                begun = time.perf_counter()
                call(path)
                times.append(time.perf_counter() - begun)
            took[name] = statistics.median(times) * 1e3
        size = statistics.mean(path.stat().st_size for path in paths)
    return (
        f"A file of {size / 1e3:.0f} KB, 15 columns (median of {SMALL_FILES}): `profile_csv` {took['ours']:.2f} ms, with "
        f"the dialect stated {took['stated']:.2f} ms, `pandas.read_csv` {took['pandas']:.2f} ms, with `info()` "
        f"{took['info']:.2f} ms."
    )


def memory_by_size() -> str:
    """Return peak memory at three sizes, as a table."""
    lines = ["| GB | wall s | peak MB |", "| ---: | ---: | ---: |"]
    peaks = []
    with tempfile.TemporaryDirectory(prefix="bench-profile-", dir=MOVIES.parent) as folder:
        path = Path(folder) / "large.csv"
        for times in (1, 10, 29):
            with MOVIES.open("rb") as source, path.open("wb") as target:
                target.write(source.readline())
                body = source.tell()
                for _ in range(times):
                    source.seek(body)
                    shutil.copyfileobj(source, target, 8 * 1024 * 1024)
            run = measured(OURS, [path])
            peaks.append(run.peak_mb)
            lines.append(f"| {path.stat().st_size / 1e9:.2f} | {run.wall_s:.1f} | {run.peak_mb:.0f} |")
    return "\n".join(lines) + (
        f"\n\nThe largest is {max(peaks) / min(peaks):.2f} x the smallest (target {FLAT_TARGET:.2f}), and "
        f"{max(peaks):.0f} MB at most (target {PEAK_TARGET_MB})."
    )


def report(rounds: int, *, large: bool) -> str:
    """Measure everything and return the report."""
    if not MOVIES.exists():
        subprocess.run([sys.executable, "-m", "benchmarks.make_data"], cwd=ROOT, check=True)
    one, both, two = one_file(rounds, 1), one_file(rounds, None), two_files(rounds)
    in_turn, with_pyarrow = (f"{name}, one after the other" for name in (PANDAS, "pandas.read_csv + info()"))
    threads, processes = (
        [two[f"{name}, two {how}"] for name in (OURS, "profile_csv")] for how in ("threads", "processes")
    )
    parts = [
        "# The profile, measured",
        f"Written by `python -m benchmarks.bench_profile --write`: movies.csv "
        f"({MOVIES.stat().st_size / 1e6:.0f} MB, 1,045,161 x 15), {os.cpu_count()} cores, Python "
        f"{platform.python_version()}, {time.strftime('%Y-%m-%d')}, median of {rounds}, each run in a process of its own. "
        "Times are without imports. All of them find rows, dtypes and non-null counts of the whole file; `profile_csv` "
        "also finds the dialect, SHA-256 and CRC-64/NVME, and looks for markers of missing values. `x pandas` is against "
        "`pandas.read_csv` plus `info()` as a run of the project has it, without pyarrow.",
        "## One file on one core",
        table(one, PANDAS),
        f"`profile_csv` takes {one[OURS].wall_s / one[PANDAS].wall_s:.2f} x pandas (target {ONE_TARGET}); where pyarrow "
        f"is installed, {one['profile_csv'].wall_s / one['pandas.read_csv + info()'].wall_s:.2f} x.",
        "## One file, all cores",
        table(both, PANDAS),
        "## Two files at once on two cores",
        table(two, in_turn),
        f"Two files at once take {threads[0].wall_s / two[in_turn].wall_s:.2f} x pandas in two threads, "
        f"{processes[0].wall_s / two[in_turn].wall_s:.2f} x in two processes (target {TWO_TARGET}); where pyarrow is installed, "
        f"{threads[1].wall_s / two[with_pyarrow].wall_s:.2f} x and {processes[1].wall_s / two[with_pyarrow].wall_s:.2f} x. "
        "The memory of two processes is their sum.",
        "## Small files",
        small_files(),
    ]
    if large:
        parts += ["## Memory by size", memory_by_size()]
    return "\n\n".join(parts) + "\n"


def main() -> int:
    """Run the benchmark, or one contender in a process of its own."""
    parser = argparse.ArgumentParser(description="Measure the profile against whole-file readers.")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--write", action="store_true", help=f"write {RESULTS.relative_to(ROOT)}")
    parser.add_argument("--quick", action="store_true", help="without the files of 1.7 and 5 GB")
    parser.add_argument("--small", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.small:
        print(time_small_files())
        return 0
    text = report(arguments.rounds, large=not arguments.quick)
    publish(text, RESULTS, arguments.write)
    return 0


if __name__ == "__main__":
    sys.exit(main())
