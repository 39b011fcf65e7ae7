"""Worker processes of one run, for many small files: on those pandas and boto3 hold Python's lock, and threads wait.

The processes are forked from a server that has everything imported already (where the system has no fork server, they
are spawned): Prefect, pandas and boto3 are paid for once, in time and in memory. Each loads the credentials block by
its name. They live and die with the run: each holds one end of a pipe, and ends with the file that it is at when the
run's end of it is closed, be it at the end of the run, at a cancellation or because the run's process was killed. A
file that takes its process down (out of memory, say) is found by repeating the files that were at work one by one.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError, Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Any, TypeVar

from prefect.context import FlowRunContext, SettingsContext, hydrated_context
from prefect.task_runners import ThreadPoolTaskRunner

from flows.connection import api_secrets, connect
from flows.lake.errors import LakeError
from flows.lake.models import FileOutcome, SourceFile
from flows.lake.raw.outcomes import CANCELLED, failed_outcome
from flows.lake.redact import guard_logs
from flows.lake.run_models import LakeAddress
from flows.lake.units import LARGE_FILE_BYTES
from flows.workers.listings import Listed, Listings, keys_of, look
from flows.workers.main_module import main_module_hidden

CHUNK_FILES = 50
"""Files that a process takes at a time: enough to be worth the message, few enough to keep every process busy."""

MASKED_HERE = 2
"""Large files that are masked by threads of the run at once: Python's lock leaves room for about two, and the processes
that others are worth take seconds to start and memory of their own."""

FILE_MAY_TAKE_S = 10.0
OUTCOMES_MAY_TAKE_S = 1.0
"""How long a process outlives its run: to finish the file that it is at, and to tell what became of it."""

_FORK_SERVER = "forkserver"

Result = TypeVar("Result")


def workers(files: Sequence[SourceFile] = (), own_tasks: int = 0) -> ThisProcess | WorkerProcesses:
    """Return what works on batches of files, by where the flow's tasks run: as threads of the flow, or elsewhere.

    Args:
        files: All that it will be given, in their order, so that neighbours' keys are looked at together.
        own_tasks: So many files may have tasks of their own; where no more are left of a larger run, the run's own
            process ingests them too, sooner than another one would have started.
    """
    context = FlowRunContext.get()
    if context is None or isinstance(context.task_runner, ThreadPoolTaskRunner):
        return WorkerProcesses(files=files, starts=len(files) > own_tasks)
    return ThisProcess()


class ThisProcess:
    """Ingests files in the process of the task itself, where tasks have processes or machines of their own (Dask)."""

    split_files = False
    """Whether a file may be profiled by one task and stored by another, which sees the same disk."""

    def __enter__(self) -> ThisProcess:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def ingest(self, files: Sequence[SourceFile], address: LakeAddress) -> Iterator[FileOutcome]:
        """Ingest files; yields the outcome of each.

        Raises:
            LakeError: The process cannot reach the lake.
        """
        yield from _ingest(files, address)


class WorkerProcesses:
    """Processes that ingest files; they start with the first file.

    Args:
        count: How many processes; as many as there are cores by default.
        files: The run's files, in the order in which they come.
        starts: Whether they start at all; else this process does their work.
    """

    split_files = True

    def __init__(self, count: int | None = None, files: Sequence[SourceFile] = (), *, starts: bool = True) -> None:
        self._listings = Listings(files)
        self._starts = starts
        self._count = count or os.cpu_count() or 2
        has_fork_server = _FORK_SERVER in multiprocessing.get_all_start_methods()
        self._context = multiprocessing.get_context(_FORK_SERVER if has_fork_server else "spawn")
        if has_fork_server:
            self._context.set_forkserver_preload(["flows.workers.fork_server"])
        self._lifeline, self._own_end = self._context.Pipe(duplex=False)
        self._lock = threading.Lock()
        self._here = threading.Semaphore(MASKED_HERE)
        self._pools: list[ProcessPoolExecutor] = []
        self._pool: ProcessPoolExecutor | None = None
        self._closed = False

    def __enter__(self) -> WorkerProcesses:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            self._closed = True
        self._own_end.close()
        for pool in self._pools:
            pool.shutdown(wait=True, cancel_futures=True)
        self._lifeline.close()

    def ingest(self, files: Sequence[SourceFile], address: LakeAddress) -> Iterator[FileOutcome]:
        """Ingest files; yields their outcomes as they come, each file's once.

        Raises:
            LakeError: The processes cannot reach the lake.
        """
        if len(files) == 1 and files[0].contract.mask:
            # A small file that is masked alone is done before a process would have started.
            with self._masked_here(files[0].size_bytes >= LARGE_FILE_BYTES) as is_here:
                if is_here:
                    yield from _ingest(files, address)
                    return
        if not self._starts:
            yield from _ingest(files, address, self._listings.of(files, address))
            return
        suspects: list[SourceFile] = []
        pool = self._current()
        chunks = [files[start : start + CHUNK_FILES] for start in range(0, len(files), CHUNK_FILES)]
        listed = self._listings.of(files, address)
        futures = {}
        for chunk in chunks:
            try:
                futures[_submit(pool, _ingest, chunk, address, listed.of(chunk))] = chunk
            except BrokenProcessPool:
                suspects += chunk
        for future in as_completed(futures):
            try:
                yield from future.result()
            except BrokenProcessPool:
                suspects += futures[future]
            except CancelledError:
                yield from (failed_outcome(file, CANCELLED) for file in futures[future])
        if suspects:
            self._discard(pool)
            yield from self._one_by_one(suspects, address)

    @contextlib.contextmanager
    def _masked_here(self, is_large: bool) -> Iterator[bool]:
        """Say whether a file is masked by this thread; where processes would give nothing, wait until it may be."""
        if not is_large:
            yield True
        elif self._here.acquire(blocking=self._count <= MASKED_HERE):
            try:
                yield True
            finally:
                self._here.release()
        else:
            yield False

    def _one_by_one(self, files: Sequence[SourceFile], address: LakeAddress) -> Iterator[FileOutcome]:
        pool = None
        for file in files:
            pool = pool or self._lone()
            try:
                yield from _submit(pool, _ingest, [file], address).result()
            except BrokenProcessPool:
                yield failed_outcome(file, "the process that read it was ended, perhaps for want of memory")
                pool = None

    def _lone(self) -> ProcessPoolExecutor:
        """Start one process, and see that it is there: what ends it from here on is the file that it gets."""
        with self._lock:
            pool = self._new(1)
        try:
            _submit(pool, os.getpid).result()
        except BrokenProcessPool as error:
            raise LakeError(
                "A worker process ended before it was given a file.",
                remedy="What the run prints to its terminal says why. If memory is short, run fewer things beside it.",
            ) from error
        return pool

    def _current(self) -> ProcessPoolExecutor:
        with self._lock:
            if self._pool is None:
                self._pool = self._new(self._count)
            return self._pool

    def _discard(self, pool: ProcessPoolExecutor) -> None:
        with self._lock:
            if self._pool is pool:
                self._pool = None

    def _new(self, count: int) -> ProcessPoolExecutor:
        if self._closed:
            raise LakeError("The run was ended while files were at work.", remedy="Start it again.")
        settings = SettingsContext.get()
        pool = ProcessPoolExecutor(
            count,
            mp_context=self._context,
            initializer=_begin,
            initargs=(self._lifeline, settings.serialize() if settings else {}),
        )
        self._pools.append(pool)
        return pool


def _submit(pool: ProcessPoolExecutor, work: Callable[..., Result], *arguments: Any) -> Future[Result]:
    with main_module_hidden():  # a pool starts its processes as work comes in
        return pool.submit(work, *arguments)


_entered = contextlib.ExitStack()
_stopping = threading.Event()
_idle = threading.Event()
_idle.set()


def _begin(lifeline: Connection, settings: dict[str, Any]) -> None:
    """Prepare a worker process: the run's settings of Prefect, and its end when the run ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the run's to handle
    threading.Thread(target=_end_with_run, args=(lifeline,), daemon=True).start()
    # The API's address and password, which may be set in the run alone and not in the environment.
    _entered.enter_context(hydrated_context({"settings_context": settings}))
    guard_logs(api_secrets())


def _end_with_run(lifeline: Connection) -> None:
    """End the process when the run ends; the file that it is at may arrive, since the run's manifest must name it."""
    with contextlib.suppress(EOFError, OSError):
        lifeline.recv_bytes()
    _stopping.set()
    _idle.wait(FILE_MAY_TAKE_S)
    # The outcomes are still on their way to the run, which then ends this process itself if it is there.
    time.sleep(OUTCOMES_MAY_TAKE_S)
    os._exit(1)


def _ingest(files: Sequence[SourceFile], address: LakeAddress, listed: Listed | None = None) -> list[FileOutcome]:
    from flows.lake.raw.ingest_file import ingest_file
    from flows.lake.raw.unpacked_file import ingest_members

    to = connect(address).raw_layer
    if listed is None or not listed.knows(keys_of(files)):
        listed = look(files, address)
    _idle.clear()
    try:
        outcomes: list[FileOutcome] = []
        for file in files:
            if _stopping.is_set():
                outcomes.append(failed_outcome(file, CANCELLED))
            elif file.inside and file.contract.unpack:
                outcomes += ingest_members(file, to)
            else:
                outcomes.append(ingest_file(file, to, absent=file.key not in listed.stored))
        return outcomes
    finally:
        _idle.set()
