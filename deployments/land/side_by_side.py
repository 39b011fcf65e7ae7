"""Files of a landing, some at a time; an interrupt lets those arrive that are on their way."""

from __future__ import annotations

import functools
import logging
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from flows.connection import THREADS
from flows.lake.models import FileOutcome, SourceFile
from flows.lake.raw.ingest_file import Step, ingest_file
from flows.lake.raw.outcomes import failed_outcome

if TYPE_CHECKING:
    from deployments.live import LiveTable
    from flows.lake.raw.raw_layer import RawLayer

FILES_MAY_TAKE_S = 10.0
"""What files that are on their way get once the run is interrupted; `docker stop` kills after 10 s by itself."""
_WORKERS = max(2, THREADS // 2)
"""Files at a time: pandas parses without holding up other threads."""


@dataclass
class SideBySide:
    """Lands files in some threads.

    Attributes:
        to: Where they go.
        end: Called with the outcomes of files as they come; again with one that was interrupted.
        echo: Called with the level and text of a line for the person who interrupts.
        table: Shows files as they land, if there is somebody to see it.
    """

    to: RawLayer
    end: Callable[[Sequence[FileOutcome]], None]
    echo: Callable[[int, str], None]
    table: LiveTable | None
    _stop: threading.Event = field(default_factory=threading.Event)

    def land(self, files: Sequence[SourceFile]) -> None:
        """Land files; whatever happens to one becomes its outcome.

        Raises:
            KeyboardInterrupt: It was interrupted; each file has an outcome all the same.
        """
        pool = ThreadPoolExecutor(_WORKERS, thread_name_prefix="land")
        futures: dict[Future[FileOutcome | None], SourceFile] = {}
        ended: set[Future[FileOutcome | None]] = set()
        try:
            futures = {pool.submit(self._one, file): file for file in files}
            left = set(futures)
            while left:
                # Without a time-out the wait would not be interrupted on every platform.
                done, left = wait(left, timeout=0.5, return_when="FIRST_COMPLETED")
                for future in done:
                    if outcome := future.result():
                        self.end([outcome])
                        ended.add(future)
        except KeyboardInterrupt:
            self._stop.set()
            self.echo(logging.WARNING, "Interrupted: files on their way may still arrive; Ctrl-C again ends it.")
            done, _ = wait(futures, timeout=FILES_MAY_TAKE_S)
            for future, file in futures.items():
                if future not in ended:
                    outcome = future.result() if future in done else None
                    self.end([outcome or failed_outcome(file, "the run was cancelled before it landed")])
            raise
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

    def _one(self, file: SourceFile) -> FileOutcome | None:
        if self._stop.is_set():
            return None
        table = self.table

        def watch(step: Step) -> Callable[[int, int], None]:
            if table is None:
                return lambda _done, _total: None
            table.step(str(file.path), step)
            return functools.partial(table.step, str(file.path), step)

        return ingest_file(file, self.to, watch=watch)
