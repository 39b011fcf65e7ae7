"""What `benchmarks.bench_profile` measures: readers that are asked for the profile of a whole file.

Each is run as a process of its own: python -m benchmarks.profile_contenders NAME (in turn|threads) FILE...
"""

from __future__ import annotations

import io
import json
import sys
import tempfile
import threading
import time
from collections.abc import Callable

NO_PYARROW = " (no pyarrow)"


def by_profile(path: str) -> int:
    """This project's `profile_csv`, which is told nothing of the file."""
    from flows.lake.tables.profile import profile_csv

    return int(profile_csv(path).rows)


def by_pandas(path: str) -> int:
    """`pandas.read_csv` of the whole file, and `info()`."""
    import pandas as pd

    frame = pd.read_csv(path, sep="|", low_memory=False)
    frame.info(buf=io.StringIO(), show_counts=True)
    return len(frame)


def by_pandas_pyarrow(path: str) -> int:
    """The same with pandas' pyarrow engine."""
    import pandas as pd

    frame = pd.read_csv(path, sep="|", engine="pyarrow")
    frame.info(buf=io.StringIO(), show_counts=True)
    return len(frame)


def by_polars(path: str) -> int:
    """Polars, whose types come of the whole file as well."""
    import polars as pl

    frame = pl.read_csv(path, separator="|", infer_schema_length=None, quote_char='"')
    frame.null_count()
    return int(frame.height)


def by_duckdb(path: str) -> int:
    """DuckDB, whose types come of the whole file as well."""
    import duckdb

    query = "SELECT count(*), count(COLUMNS(*)) FROM read_csv(?, delim = '|', sample_size = -1)"
    row = duckdb.execute(query, [path]).fetchone()
    return int(row[0]) if row else 0


READERS: dict[str, Callable[[str], int]] = {
    "profile_csv": by_profile,
    "pandas.read_csv + info()": by_pandas,
    "pandas.read_csv(engine='pyarrow') + info()": by_pandas_pyarrow,
    "polars.read_csv": by_polars,
    "duckdb read_csv": by_duckdb,
}


def work(name: str, how: str, paths: list[str]) -> dict[str, float]:
    """Read files in this process and return what it took.

    Args:
        name: The reader; with a suffix, pyarrow is hidden from it.
        how: `in turn` or `threads`.
        paths: The files.
    """
    if name.endswith(NO_PYARROW):
        sys.modules["pyarrow"] = None  # type: ignore[assignment]
    read = READERS[name.removesuffix(NO_PYARROW)]
    with tempfile.NamedTemporaryFile(suffix=".csv") as file:
        file.write(b"a|b\n1|x\n2|y\n")
        file.flush()
        read(file.name)  # imports
    wall, cpu = time.perf_counter(), time.process_time()
    if how == "threads":
        threads = [threading.Thread(target=read, args=[path]) for path in paths]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    else:
        for path in paths:
            read(path)
    return {"wall_s": time.perf_counter() - wall, "cpu_s": time.process_time() - cpu}


if __name__ == "__main__":
    reader, how, *files = sys.argv[1:]
    print(json.dumps(work(reader, how, files)))
