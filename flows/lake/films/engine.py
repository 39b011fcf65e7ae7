"""DuckDB as the analysis uses it: bounded memory, no downloads, and the same bytes from the same rows.

Chosen by measurement (docs/decisions/0110-the-engine-of-the-analysis.md). Beyond its limit of memory it writes to a
temporary folder, so ten times the rows do not take ten times the memory. Each file of Parquet is written by one thread:
with more, rows of a partition arrive in any order and the bytes differ from run to run.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from flows.lake.films.layout import NO_YEAR

if TYPE_CHECKING:
    import duckdb

    Connection: TypeAlias = duckdb.DuckDBPyConnection

MEMORY = "512MB"
THREADS = 2

PARQUET = "FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1, WRITE_BLOOM_FILTER false"
"""The least effort leaves files that are no larger than the usual one does. Filters help who looks for one value in
many groups of rows; a file here has one group."""

MOST_OPEN_FILES = 300
"""More than there are release years: a year's rows go to one file, whatever the order of the rows."""


@contextmanager
def connection(folder: Path, memory: str = MEMORY) -> Iterator[Connection]:
    """Open a database in memory, and in a folder what does not fit there.

    Args:
        folder: A temporary folder.
        memory: The most that DuckDB keeps in memory.
    """
    import duckdb

    settings: dict[str, Any] = {
        "memory_limit": memory,
        "temp_directory": str(folder / "spilled"),
        "threads": THREADS,
        # Extensions come from the internet; what the analysis needs is in the wheel.
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
        "partitioned_write_max_open_files": MOST_OPEN_FILES,
    }
    # On disk tables are compressed, which takes longer than reading them; what does not fit in memory is all the same.
    database = duckdb.connect(":memory:", config=settings)
    try:
        yield database
    finally:
        database.close()


def text(value: str | Path) -> str:
    """Return a value as a literal of SQL, for statements that take no parameters."""
    return "'" + str(value).replace("'", "''") + "'"


def count(database: Connection, query: str) -> int:
    """Return the one number that a query answers."""
    row = database.execute(query).fetchone()
    return int(row[0]) if row and row[0] is not None else 0


def one_thread_each(database: Connection) -> None:
    """Let each query have one thread: its rows keep their order, and queries of several cursors run side by side."""
    database.execute("SET threads = 1")


def write_parquet(database: Connection, query: str, path: Path) -> Path:
    """Write the rows of a query, which has an order, to one Parquet file, after `one_thread_each`."""
    database.execute(f"COPY ({query}) TO {text(path)} ({PARQUET})")
    return path


def write_by_year(database: Connection, query: str, folder: Path) -> list[tuple[str, Path]]:
    """Write the rows of a query, which has an order, to a folder for each release year, after `one_thread_each`.

    Args:
        database: The database, or a cursor of its own.
        query: The query, with a column `release_year`.
        folder: Where the folders go; it is made.

    Returns:
        For each file its place below the table (`release_year=2016/part-0000.parquet`) and its path.
    """
    folder.mkdir(parents=True)
    database.execute(
        f"COPY (SELECT * REPLACE (coalesce(release_year, {NO_YEAR}) AS release_year) FROM ({query}))"
        f" TO {text(folder)} ({PARQUET}, PARTITION_BY (release_year))"
    )
    found: list[tuple[str, Path]] = []
    for year in sorted(folder.iterdir()):
        files = sorted(year.glob("*.parquet"), key=lambda path: int(path.stem.rpartition("_")[2]))
        found += [(f"{year.name}/part-{number:04}.parquet", path) for number, path in enumerate(files)]
    return found


def without_rows(database: Connection, query: str, folder: Path) -> bytes:
    """Return a file of a table by year that has its columns and no rows."""
    path = folder / "without-rows.parquet"
    return write_parquet(database, f"SELECT * EXCLUDE (release_year) FROM ({query}) LIMIT 0", path).read_bytes()
