"""Measure what the lake's pages cost a run: the time of the refresh, with its task, beside that of the whole run.

Each run is a process of its own against an S3 server (`rclone serve s3`) and a Prefect server on the same cores. The limit
is 2 % of a run on 10,000 files, and 0.3 s on the sample.

    python -m benchmarks.bench_catalog            # print the table
    python -m benchmarks.bench_catalog --write    # and write benchmarks/RESULTS-catalog.md
    python -m benchmarks.bench_catalog --write --only sample    # these rows; the others of the file stay
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from benchmarks.bench_scale import Bench, small_files
from benchmarks.measuring import (
    IN_MEMORY,
    ROOT,
    lake_server,
    machine,
    measured,
    prefect_server,
    publish,
    wait_until_idle,
    without_pyarrow,
)
from benchmarks.scale_contenders import BLOCK, BUCKET

RESULTS = ROOT / "benchmarks" / "RESULTS-catalog.md"
SAMPLE = ROOT / "data" / "sample"
MANY = 10_000
TIMES = 5


@dataclass(frozen=True)
class Cost:
    """Seconds of a run, and of the refresh in it."""

    what: str
    run_s: float
    refresh_s: float
    limit: str

    @property
    def row(self) -> str:
        """The line of the report's table."""
        share = self.refresh_s / self.run_s
        return (
            f"| {self.what} | {self.run_s:,.1f} | {self.refresh_s:,.2f} | {share:.1%} | {self.limit} | {date.today()} |"
        )


def rows_with(costs: list[Cost]) -> str:
    """Return the rows of the table: what was measured now, and what the file has beside it."""
    held = RESULTS.read_text("utf-8").splitlines() if RESULTS.exists() else []
    rows = {line.split(" | ")[0]: line for line in held if line.startswith(("| the", "| 10,000"))}
    return "\n".join((rows | {one.row.split(" | ")[0]: one.row for one in costs}).values())


def work(folder: str, day: str, contracts: str) -> None:
    """Run the flow once as a worker does, and print what it and its refresh took."""
    from flows.ingest import closing
    from flows.ingest_raw import ingest_raw

    took: list[float] = []
    refresh = closing._refresh_catalog

    def timed(*given: Any) -> bool:
        started = time.perf_counter()
        done = refresh(*given)
        took.append(time.perf_counter() - started)
        return done

    closing._refresh_catalog = timed  # type: ignore[assignment]
    started = time.perf_counter()
    state = ingest_raw(
        source=Path(folder), bucket=BUCKET, credentials=BLOCK, partition_date=date.fromisoformat(day),
        contracts=json.loads(contracts), return_state=True,
    )  # fmt: skip
    if not state.is_completed():
        raise RuntimeError(state.message)
    print("\n" + json.dumps({"run_s": time.perf_counter() - started, "refresh_s": took[0]}))


def main() -> None:
    """Measure, and print the report."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--write", action="store_true", help=f"write {RESULTS.name}")
    parser.add_argument("--only", choices=("sample", "one", "many"), nargs="+", help="which runs; all without")
    parser.add_argument("--work", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work:
        work(*options.work)
        return
    together = {"Sensors": {"files": "sensor_*.csv"}}
    costs: list[Cost] = []
    with (
        tempfile.TemporaryDirectory(dir=IN_MEMORY) as many,
        lake_server() as lake,
        prefect_server() as prefect,
        without_pyarrow() as hidden,
    ):
        small_files(Path(many), MANY)
        bench = Bench(lake, prefect, hidden)
        day = date(2024, 3, 5)

        def run(what: str, folder: Path, contracts: dict[str, Any], limit: str, times: int = 1) -> None:
            nonlocal day
            found = []
            for _ in range(times):
                wait_until_idle()
                command = [sys.executable, "-m", "benchmarks.bench_catalog", "--work", str(folder), str(day)]
                done = measured([*command, json.dumps(contracts)], prefect.environment() | hidden)
                found.append(json.loads(done.output.strip().splitlines()[-1]))
                day += timedelta(days=1)
            middle = sorted(found, key=lambda one: one["refresh_s"])[len(found) // 2]
            costs.append(Cost(what, middle["run_s"], middle["refresh_s"], limit))

        wanted = options.only or ("sample", "one", "many")
        if "sample" in wanted:
            run("the sample, 2 files, first run of a lake", SAMPLE, {}, "0.3 s")
            run(f"the sample on further days, median of {TIMES}", SAMPLE, {}, "0.3 s", TIMES)
        if "one" in wanted:
            run("10,000 files of one dataset", Path(many), together, "2 %")
            run("10,000 files of one dataset, the next day", Path(many), together, "2 %")
        if "many" in wanted:
            run("10,000 files of 10,000 datasets", Path(many), {}, "2 %")
        del bench
    text = f"""# The lake's pages, measured

Written by `python -m benchmarks.bench_catalog --write`: {machine()}. Each run is a process of its own, and the S3 server
(`rclone serve s3`) and the Prefect server share its cores. The time of the refresh has its Prefect task in it, and the imports,
which every run pays; the templates are compiled by the first run of a machine.

| run | run s | refresh s | share | limit | measured |
| --- | ---: | ---: | ---: | ---: | --- |
{rows_with(costs)}
"""
    publish(text, RESULTS, options.write)


if __name__ == "__main__":
    main()
