"""DuckDB as the analysis uses it: bounded memory, no downloads, and the same bytes from the same rows.

Chosen by measurement (docs/decisions/0110-the-engine-of-the-analysis.md). Beyond its limit of memory it writes to a
temporary folder, so ten times the rows do not take ten times the memory. Parquet is written by one thread from sorted
rows: with more, rows of a partition arrive in any order and the bytes differ from run to run.
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

MEMORY = "384MB"
THREADS = 2


@contextmanager
def connection(folder: Path, memory: str = MEMORY) -> Iterator[Connection]:
    """Open a database of its own in a folder, which holds what does not fit in memory.

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
        "preserve_insertion_order": False,
    }
    database = duckdb.connect(str(folder / "films.duckdb"), config=settings)
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


def write_parquet(database: Connection, query: str, path: Path) -> Path:
    """Write the rows of a query, which it must sort, to one Parquet file."""
    with _one_thread(database):
        database.execute(f"COPY ({query}) TO {text(path)} (FORMAT parquet, COMPRESSION zstd)")
    return path


def write_by_year(database: Connection, query: str, folder: Path) -> list[tuple[str, Path]]:
    """Write the rows of a query, which it must sort by `release_year` first, to a folder for each year.

    Returns:
        For each file its place below the table (`release_year=2016/part-0000.parquet`) and its path.
    """
    with _one_thread(database):
        database.execute(
            f"COPY (SELECT * REPLACE (coalesce(release_year, {NO_YEAR}) AS release_year) FROM ({query}))"
            f" TO {text(folder)} (FORMAT parquet, COMPRESSION zstd, PARTITION_BY (release_year))"
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


@contextmanager
def _one_thread(database: Connection) -> Iterator[None]:
    database.execute("SET threads = 1; SET preserve_insertion_order = true")
    try:
        yield
    finally:
        database.execute(f"SET threads = {THREADS}; SET preserve_insertion_order = false")
