"""How far a large file is, or a run of many: a progress artifact, and now and then a line in the log."""

from __future__ import annotations

import threading
import time
from uuid import UUID

from prefect.artifacts import create_progress_artifact, update_progress_artifact
from prefect.logging import get_run_logger

from flows.lake.units import LARGE_FILE_BYTES, size_text
from flows.lake.words import md, shown
from flows.ui import watching
from flows.ui.artifacts import Redact, quietly, slug


class FileProgress:
    """Shows how far a large file is: as a progress artifact, and now and then in the log; nothing for small ones.

    Args:
        doing: `profile` or `upload`.
        name: The file's name.
        size_bytes: Its size.
        redact: Masks secrets.
        key: What tells the file from others to who watches; nothing where it is no file.
    """

    _EVERY_S = 1.0
    _LOGGED_EVERY_S = 10.0

    def __init__(self, doing: str, name: str, size_bytes: int, redact: Redact, key: str = "") -> None:
        self._doing, self._key = doing, key
        if key:
            watching.step(key, doing)
        self._artifact: UUID | None = None
        self._lock = threading.Lock()
        self._shown = self._logged = time.monotonic()
        self._name = shown(redact(name))
        self._large = size_bytes >= LARGE_FILE_BYTES
        if self._large:
            # Taken here: the transfer's own threads, which call, know of no run.
            self._log = get_run_logger()
            quietly(lambda: self._start(doing))

    def _start(self, doing: str) -> None:
        artifact = create_progress_artifact(
            progress=0.0, key=f"progress-{doing}-{slug(self._name)}", description=f"{doing} of {md(self._name)}"
        )
        self._artifact = artifact if isinstance(artifact, UUID) else None

    def __call__(self, done_bytes: int, total_bytes: int) -> None:
        """Show that so many bytes of the total are done, at most once a second and at the end."""
        if self._key:
            watching.step(self._key, self._doing, done_bytes, total_bytes)
        if not self._large or not total_bytes:
            return
        with self._lock:
            now = time.monotonic()
            ended = done_bytes >= total_bytes
            if now - self._shown < self._EVERY_S and not ended:
                return
            self._shown = now
            log = now - self._logged >= self._LOGGED_EVERY_S and not ended
            self._logged = now if log else self._logged
        percent = min(100.0, 100.0 * done_bytes / total_bytes)
        if log:
            self._log.info("%s: %.0f %% of %s", self._name, percent, size_text(total_bytes))
        if artifact := self._artifact:
            quietly(lambda: update_progress_artifact(artifact_id=artifact, progress=percent), self._log)
