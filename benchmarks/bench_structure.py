"""How well files with a defect are read without being told anything: `profile_csv`'s recipe, DuckDB, pandas, clevercsv.

`python -m benchmarks.bench_structure --write` writes `RESULTS-structure.md`. A file's score is the mean of the F1 of its
names, of its rows and of its cells, all as multisets, times ten; 0 where a reader refuses it.
"""

from __future__ import annotations

import argparse
import csv
import io
import sys
import tempfile
import warnings
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable
from pathlib import Path

from benchmarks.measuring import publish
from benchmarks.polluted import Polluted, Rows, files

RESULTS = Path(__file__).with_name("RESULTS-structure.md")
Found = tuple[list[str], Rows]


def by_recipe(path: Path) -> Found:
    """Read as the profile says."""
    import pandas as pd

    from flows.lake.tables.profile import profile_csv

    recipe = {**profile_csv(path).recipe, "dtype": str, "keep_default_na": False}
    frame = pd.read_csv(path, **recipe).fillna("")
    names = [] if recipe.get("header", 0) is None else [str(name) for name in frame.columns]
    return names, frame.to_numpy().tolist()


def by_pandas(path: Path) -> Found:
    """Read with pandas' defaults, bad lines left out."""
    import pandas as pd

    frame = pd.read_csv(path, dtype=str, keep_default_na=False, on_bad_lines="skip").fillna("")
    return [str(name) for name in frame.columns], frame.to_numpy().tolist()


def by_duckdb(path: Path) -> Found:
    """Read with DuckDB's sniffer, bad lines left out."""
    import duckdb

    with duckdb.connect() as connection:
        table = connection.read_csv(str(path), all_varchar=True, ignore_errors=True)
        return list(table.columns), [[cell or "" for cell in row] for row in table.fetchall()]


def by_clevercsv(path: Path) -> Found:
    """Read with clevercsv's dialect."""
    import clevercsv

    text = path.read_bytes().decode("utf-8", "replace")
    dialect = clevercsv.Sniffer().sniff(text)
    if dialect is None:
        raise ValueError("no dialect was found")
    rows = list(csv.reader(io.StringIO(text, newline=""), dialect=dialect.to_csv_dialect()))
    return rows[0], rows[1:]


READERS: dict[str, Callable[[Path], Found]] = {
    "profile_csv's recipe": by_recipe,
    "DuckDB": by_duckdb,
    "clevercsv": by_clevercsv,
    "pandas": by_pandas,
}


def f1(wanted: Iterable[Hashable], found: Iterable[Hashable]) -> float:
    """Return the harmonic mean of precision and recall of two multisets."""
    left, right = Counter(wanted), Counter(found)
    if not left and not right:
        return 1.0
    return 2 * (left & right).total() / (left.total() + right.total())


def score(file: Polluted, reader: Callable[[Path], Found], folder: Path) -> float:
    """Return how well a reader reads a file, 0 to 10."""
    path = folder / "file.csv"
    path.write_bytes(file.data)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            names, rows = reader(path)
    except Exception:
        return 0.0
    rows = [[cell.replace("\r\n", "\n").strip() for cell in row] for row in rows]
    wanted = [[cell.replace("\r\n", "\n").strip() for cell in row] for row in file.rows]
    parts = (
        f1(file.header, names) if file.header else 1.0,
        f1(map(tuple, wanted), map(tuple, rows)),
        f1((cell for row in wanted for cell in row), (cell for row in rows for cell in row)),
    )
    return 10 * sum(parts) / len(parts)


def report() -> str:
    """Return the table of scores by kind."""
    scores: dict[str, dict[str, list[float]]] = {name: defaultdict(list) for name in READERS}
    with tempfile.TemporaryDirectory() as folder:
        every = list(files())
        for name, reader in READERS.items():
            for file in every:
                scores[name][file.kind].append(score(file, reader, Path(folder)))
    kinds = list(dict.fromkeys(file.kind for file in every))
    lines = [
        "# Files with a defect, measured",
        "",
        f"Written by `python -m benchmarks.bench_structure --write`: {len(every)} made files with one defect each, read "
        "without being told anything. Scores from 0 to 10: the mean of the F1 of names, rows and cells.",
        "",
        "| kind | files | " + " | ".join(READERS) + " |",
        "| --- | ---: |" + " ---: |" * len(READERS),
    ]
    for kind in kinds:
        of = [scores[name][kind] for name in READERS]
        lines.append(f"| {kind} | {len(of[0])} | " + " | ".join(f"{sum(each) / len(each):.2f}" for each in of) + " |")
    means = [sum(map(sum, scores[name].values())) / len(every) for name in READERS]
    by_kind = [sum(sum(each) / len(each) for each in scores[name].values()) / len(kinds) for name in READERS]
    lines.append(f"| **all files** | {len(every)} | " + " | ".join(f"**{mean:.2f}**" for mean in means) + " |")
    lines.append(f"| **mean of kinds** | {len(kinds)} | " + " | ".join(f"**{mean:.2f}**" for mean in by_kind) + " |")
    return "\n".join(lines) + "\n"


def main() -> int:
    """Print the table, or write it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--write", action="store_true")
    text = report()
    publish(text, RESULTS, parser.parse_args().write)
    return 0


if __name__ == "__main__":
    sys.exit(main())
