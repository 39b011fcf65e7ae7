"""What the benchmarks share: a contender as a process of its own, its time, its memory, and the servers that it uses.

Memory is that of a process with all its children, as the kernel divides shared pages among those who share them (PSS):
processes that were forked from one another would otherwise be counted several times over.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from flows.lake.units import KIB
from tests.tools.servers import S3Server, rclone_server

if TYPE_CHECKING:
    from tests.system.conftest import PrefectServer

ROOT = Path(__file__).parents[1]
IN_MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None
"""Where servers keep what they are sent: a disk that writes back when it likes would be most of a measurement."""

FULL_SIZE = {"movies.csv": 173_000_000, "series.csv": 75_000_000}

SAMPLE_EVERY_S = 0.25
"""Each look has the kernel walk through all pages of each process, on the cores that are measured."""

BUSY_S = 0.05
"""How much processor time in a second means that a server works."""


@dataclass(frozen=True)
class Measured:
    """What a process took.

    Attributes:
        wall_s: Wall time in seconds.
        cpu_s: Processor time in seconds.
        peak_mb: Peak memory in MB of it and its children together.
        largest_mb: The most in MB that one of them held by itself, pages shared with others counted whole.
        output: What it printed.
    """

    wall_s: float
    cpu_s: float
    peak_mb: float
    largest_mb: float
    output: str


def environment(server: S3Server) -> dict[str, str]:
    """Return an environment with the server's credentials, and nothing of the user's settings of AWS and Prefect."""
    dropped = ("AWS_", "RCLONE_", "PREFECT_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
    return kept | {
        "AWS_ACCESS_KEY_ID": server.access_key,
        "AWS_SECRET_ACCESS_KEY": server.secret_key,
        "AWS_DEFAULT_REGION": server.region,
        "AWS_REGION": server.region,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def measured(command: Sequence[str], variables: Mapping[str, str]) -> Measured:
    """Run a command to its end.

    Raises:
        RuntimeError: It failed; with the end of its output.
    """
    with tempfile.TemporaryFile() as output:
        started = time.perf_counter()
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=dict(variables),
            cwd=ROOT,
        )
        with _watched(process.pid) as peak:
            _, status, usage = os.wait4(process.pid, 0)
        wall_s = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        text = output.read().decode(errors="replace")
    if process.returncode:
        raise RuntimeError(f"{command[:4]} failed:\n{text[-4000:]}")
    return Measured(wall_s, usage.ru_utime + usage.ru_stime, peak[0] / 1e6, usage.ru_maxrss * KIB / 1e6, text)


@contextmanager
def _watched(pid: int) -> Iterator[list[int]]:
    """Keep the peak memory, in bytes, of a process and its children while the block runs."""
    peak, over = [0], threading.Event()

    def watch() -> None:
        while not over.wait(SAMPLE_EVERY_S):
            peak[0] = max(peak[0], memory_of(pid))

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield peak
    finally:
        over.set()
        watcher.join()


def memory_of(pid: int) -> int:
    """Return the bytes that a process and its children hold now."""
    try:
        processes = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    except psutil.Error:
        return 0
    return sum(_share_of(process) for process in processes)


def _share_of(process: psutil.Process) -> int:
    """Return the bytes of a process, its share of what it has in common with others included."""
    try:
        # Added up by the kernel; psutil reads every mapping, for a tenth of a core with four processes.
        lines = Path(f"/proc/{process.pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
        return sum(int(line.split()[1]) * KIB for line in lines if line.startswith("Pss:"))
    except OSError:
        pass
    try:
        return int(process.memory_full_info().pss)
    except (psutil.Error, AttributeError):
        return 0


def wait_until_idle() -> None:
    """Wait until this process's children, such as servers, have done what earlier work left them; at most 2 minutes."""
    children = psutil.Process().children(recursive=True)
    for _ in range(120):
        before = _processor_s(children)
        time.sleep(1)
        if _processor_s(children) - before < BUSY_S:
            return


def _processor_s(processes: Sequence[psutil.Process]) -> float:
    return sum(sum(process.cpu_times()[:2]) for process in processes if process.is_running())


@contextmanager
def without_pyarrow() -> Iterator[dict[str, str]]:
    """Yield variables with which a process and its children find no pyarrow, as in a run's own environment."""
    with tempfile.TemporaryDirectory(prefix="bench-path-") as folder:
        (Path(folder) / "pyarrow.py").write_text("raise ImportError('hidden')\n", encoding="utf-8")
        yield {"PYTHONPATH": folder}


@contextmanager
def prefect_server() -> Iterator[PrefectServer]:
    """Run a Prefect server with a home of its own until the block ends."""
    # Imported here: contenders import this module, and pytest is none of their memory.
    from tests.system.conftest import running_server

    with (
        tempfile.TemporaryDirectory(prefix="bench-prefect-", dir=IN_MEMORY) as home,
        running_server(Path(home) / "server", password="", encryption_key=None) as server,
    ):
        yield server


@contextmanager
def lake_server(largest_bytes: float = 0) -> Iterator[S3Server]:
    """Run `rclone serve s3` over a folder until the block ends; in memory, where that has room for the largest file.

    A file has to fit twice, since the system keeps what is read of the source in memory as well.
    """
    has_room = 2.5 * largest_bytes < psutil.virtual_memory().available
    with (
        tempfile.TemporaryDirectory(prefix="bench-lake-", dir=IN_MEMORY if has_room else None) as folder,
        rclone_server(Path(folder)) as server,
    ):
        yield server


def full_size_files(folder: Path) -> Path:
    """Put the two full-size files into a folder, or files of rows like theirs where they have not been made."""
    for name, size_bytes in FULL_SIZE.items():
        if (ROOT / "data/full" / name).exists():
            shutil.copyfile(ROOT / "data/full" / name, folder / name)  # a link that leads out of a source is refused
        else:
            lookalike(folder / name, size_bytes)
    return folder


def lookalike(path: Path, size_bytes: int) -> None:
    """Write a file of whole rows like the reference data's, of about so many bytes."""
    header = (
        "id|tituloPincipal|tituloOriginal|anoLancamento|tempoMinutos|genero|notaMedia|numeroVotos|generoArtista"
        "|personagem|nomeArtista|anoNascimento|anoFalecimento|profissao|titulosMaisConhecidos\n"
    )
    rows = b"".join(
        b"tt%07d|Miss Jerry|Miss Jerry|1894|45|Romance|5.%d|%d|actress|Miss Jerry|Blanche Bayliss|1878|1951|actress"
        b"|tt0000009\n" % (number, number % 10, number % 3000)
        for number in range(10_000)
    )
    with path.open("wb") as file:
        file.write(header.encode())
        for _ in range(max(1, round(size_bytes / len(rows)))):
            file.write(rows)


def machine() -> str:
    """Describe this machine for a report."""
    import platform

    memory = psutil.virtual_memory().total / 1e9
    return f"{os.cpu_count()} cores, {memory:.0f} GB of memory, Python {sys.version.split()[0]}, {platform.system()}"


def publish(text: str, results: Path, write: bool) -> None:
    """Print a report, and write it beside the benchmarks where that is asked."""
    print(text)
    if write:
        results.write_text(text, encoding="utf-8")
