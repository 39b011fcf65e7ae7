"""Choose the engine of the analysis: DuckDB, Polars and plain pandas do the same on the reference data at full size.

`python -m benchmarks.bench_films` prints the table, `--write` writes `benchmarks/RESULTS-films.md`. `make data` comes
first. Ten times the rows are the same file ten times over, with other ids.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.measuring import IN_MEMORY, ROOT, Measured, measured

FULL = ROOT / "data/full/movies.csv"
RESULTS = ROOT / "benchmarks/RESULTS-films.md"
TIMES = 10


def larger(path: Path, folder: Path, times: int) -> Path:
    """Write a file several times over, each time with other ids, so that titles do not fall together."""
    made = folder / "movies.csv"
    with path.open(encoding="utf-8") as lines, made.open("w", encoding="utf-8") as out:
        out.write(next(lines))
        for number in range(times):
            lines.seek(0)
            next(lines)
            for line in lines:
                out.write(f"tt{number}{line[2:]}" if line.startswith("tt") else line)
    return made


def run(name: str, path: Path) -> tuple[Measured, dict[str, Any]]:
    """Run a contender in a folder of its own; returns what it took and what it answered."""
    with tempfile.TemporaryDirectory(dir=IN_MEMORY) as folder:
        command = [sys.executable, "-m", "benchmarks.films_contenders", name, str(path), folder]
        took = measured(command, os.environ)
    return took, json.loads(took.output.splitlines()[-1])


def row(name: str, rows: str, rounds: list[tuple[Measured, dict[str, Any]]]) -> str:
    """Return a row of the table, of medians and of the largest peak."""
    wall_s = statistics.median(took.wall_s for took, _ in rounds)
    cpu_s = statistics.median(took.cpu_s for took, _ in rounds)
    languages_s = statistics.median(told["languages_s"] for _, told in rounds)
    peak_mb = max(took.peak_mb for took, _ in rounds)
    return f"| {name} | {rows} | {wall_s:.1f} | {cpu_s:.1f} | {languages_s:.1f} | {peak_mb:,.0f} |"


def ratios(found: dict[str, list[tuple[Measured, dict[str, Any]]]]) -> list[str]:
    """Return how much longer the others take than the first, as the median over the rounds and their range."""
    first, *others = found
    told = []
    for name in others:
        times = sorted(
            other.wall_s / own.wall_s for (own, _), (other, _) in zip(found[first], found[name], strict=True)
        )
        told.append(
            f"- {first} against {name}: {statistics.median(times):.1f} times less wall time"
            f" ({times[0]:.1f} to {times[-1]:.1f})"
        )
    return told


def main() -> None:
    """Measure, and write the table if asked to."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--write", action="store_true", help=f"write {RESULTS.name}")
    parser.add_argument("--names", nargs="+", default=["duckdb", "polars", "pandas", "pandas-map"])
    parser.add_argument("--larger", nargs="*", default=["duckdb"], help="those that read the larger file too")
    parser.add_argument("--times", type=int, default=TIMES, help="how many times the rows in the second part")
    parser.add_argument("--rounds", type=int, default=3, help="how many times each is run, one after the other")
    options = parser.parse_args()
    table = [
        "| Engine | Rows | Wall s | CPU s | of it languages s | Peak MB |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    answers: list[dict[str, Any]] = []
    found: dict[str, list[tuple[Measured, dict[str, Any]]]] = {name: [] for name in options.names}
    for _ in range(options.rounds):
        for name in options.names:
            found[name].append(run(name, FULL))
            answers.append({key: found[name][-1][1].get(key) for key in ("years", "performers", "defects", "funnel")})
    for name in options.names:
        table.append(row(name, "1,045,161", found[name]))
        print(table[-1], flush=True)
    if any(one[key] not in (None, answers[0][key]) for one in answers for key in one):
        raise SystemExit(f"The engines do not agree: {json.dumps(answers)[:2000]}")
    with tempfile.TemporaryDirectory() as folder:
        path = larger(FULL, Path(folder), options.times)
        for name in options.larger:
            table.append(row(name, f"{options.times} x", [run(name, path)]))
            print(table[-1], flush=True)
    table += ["", *ratios(found)]
    print("\n".join(table[-len(options.names) :]))
    if options.write:
        intro = (
            RESULTS.read_text().partition("| Engine |")[0] if RESULTS.is_file() else "# The engine of the analysis\n\n"
        )
        RESULTS.write_text(intro + "\n".join(table) + "\n")


if __name__ == "__main__":
    main()
