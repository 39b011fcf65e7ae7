"""The log of a run: lines with a time stamp and offset, kept in memory until they ship as one object.

It does not depend on the logging level that somebody set for Prefect: what a run did must be in the lake whatever the
console shows. Lines are echoed to Prefect's logger by the flow. Shipping never replaces another log; where S3 cannot
take it, a local copy is kept and named.
"""

from __future__ import annotations

import logging
import tempfile
import threading
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Protocol
from zoneinfo import ZoneInfo

from flows.lake.errors import StorageError
from flows.lake.words import cut, printable

LONGEST_ECHO = 100_000
"""Characters of one record that Prefect gets; the log in the lake has the whole."""


class PutNew(Protocol):
    """Stores an object unless its key is taken; see `flows.lake.s3.put_new`."""

    def __call__(self, *, key: str, body: bytes, content_type: str) -> bool:
        """Return whether the object was stored."""


class RunLog:
    """Collects a run's lines.

    Args:
        zone: The time zone of the time stamps.
        echo: Called with the level and text of each line.
    """

    def __init__(self, zone: ZoneInfo, echo: Callable[[int, str], None] | None = None) -> None:
        self._zone = zone
        self._echo = echo
        self._lines: list[str] = []
        self._lock = threading.Lock()

    def info(self, text: str) -> None:
        """Note a step."""
        self.add(logging.INFO, text)

    def error(self, text: str) -> None:
        """Note a failure."""
        self.add(logging.ERROR, text)

    def end(self, state: str, verdict: str, *, echo: bool = True) -> None:
        """Note in which state the run ended; a log's last line."""
        self.add(logging.INFO if state == "Completed" else logging.ERROR, f"Run ended {state}: {verdict}", echo=echo)

    def add(self, level: int, text: str, *, echo: bool = True) -> None:
        """Note something at a level of `logging`; without an echo where there is too much for anybody to watch."""
        now = datetime.now(self._zone).isoformat(timespec="milliseconds")
        # A name or a server's answer may hold line breaks: they must not look like lines of the log.
        text = printable(text)
        body = text.replace("\n", "\n    ")
        with self._lock:
            self._lines.append(f"{now} {logging.getLevelName(level):<7} {body}")
        if self._echo and echo:
            self._echo(level, cut(text, LONGEST_ECHO))

    @property
    def text(self) -> str:
        """Everything so far, as the object will hold it."""
        with self._lock:
            return "\n".join(self._lines) + "\n"


def ship(text: str, put_new: PutNew, keys: tuple[str, str]) -> str:
    """Store a log under the first of two keys that is free.

    Returns:
        The key.

    Raises:
        StorageError: Both are taken, or S3 refused.
    """
    body = text.encode("utf-8", "backslashreplace")
    for key in keys:
        if put_new(key=key, body=body, content_type="text/plain; charset=utf-8"):
            return key
    raise StorageError(f"The log keys {keys[0]} and {keys[1]} are both taken.", key=keys[1])


def keep_local_copy(text: str, name: str) -> str:
    """Write a log that could not be shipped to a new folder among the system's temporary files.

    Returns:
        Where it is kept, or why it could not be, as the end of a sentence.
    """
    try:
        path = Path(tempfile.mkdtemp(prefix="ingest-raw-")) / name
        path.write_text(text, encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        # The run is ending: whatever else it has to tell is worth more than this copy.
        why = error.strerror or error
        return f"no copy could be kept on this machine either ({why}): what the run printed has its lines"
    return f"it is kept as {path}"
