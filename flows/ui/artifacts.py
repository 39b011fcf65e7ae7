"""What a person sees in the Prefect UI: artifacts and run names.

Artifact keys are stable from day to day, so that the UI shows their history. Whatever goes out passes through the
redactor of the credentials first. A failing artifact is never worth a failing run: it is reported and forgotten.
"""

from __future__ import annotations

import logging
import re
import threading
import time
import unicodedata
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from prefect.artifacts import (
    create_markdown_artifact,
    create_progress_artifact,
    create_table_artifact,
    update_progress_artifact,
)
from prefect.logging import get_run_logger
from prefect.runtime import flow_run

from flows.lake.models import CsvProfile
from flows.lake.reports.profile_report import profile_description, profile_table
from flows.lake.units import LARGE_FILE_BYTES, size_text
from flows.lake.words import md, shown

DEFAULT_TIMEZONE = "America/Sao_Paulo"

Redact = Callable[[str], str]
Log = logging.Logger | logging.LoggerAdapter[Any]


def slug(text: str) -> str:
    """Return text as artifact keys allow it: lower-case ASCII letters, digits and dashes."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-") or "unnamed"


def logical_date(zone: ZoneInfo) -> date:
    """Return the day that this run is for: its scheduled start in a time zone, however late it really began."""
    start: datetime = flow_run.scheduled_start_time
    return start.astimezone(zone).date()


def as_date(given: object) -> date | None:
    """Return a date parameter as a date, also where Prefect hands over its text; `None` where it is empty."""
    return given if isinstance(given, date) else date.fromisoformat(str(given)) if given else None


def run_name() -> str:
    """Name a run after its date and source: `2026-11-24 sample`."""
    given = flow_run.parameters
    try:
        zone = ZoneInfo(given.get("timezone") or DEFAULT_TIMEZONE)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        # A wrong name is the parameter check's to report.
        zone = ZoneInfo(DEFAULT_TIMEZONE)
    day = given.get("partition_date") or logical_date(zone)
    source = str(given.get("source") or "").rstrip("/").rsplit("/", 1)[-1]
    return f"{day} {shown(source)}" + (" (dry run)" if given.get("dry_run") else "")


def publish_profile(dataset: str, profiles: list[CsvProfile], about: str, redact: Redact) -> None:
    """Publish a dataset's profile as a table artifact, whose key is the dataset's from day to day."""
    table = [
        {name: redact(value) if isinstance(value, str) else value for name, value in row.items()}
        for row in profile_table(profiles)
    ]
    description = redact(profile_description(profiles, about))
    _quietly(lambda: create_table_artifact(table=table, key=f"profile-{slug(dataset)}", description=description))


def publish_markdown(key: str, markdown: str, description: str, redact: Redact) -> None:
    """Publish a Markdown artifact."""
    _quietly(lambda: create_markdown_artifact(markdown=redact(markdown), key=key, description=redact(description)))


def run_key(source: Path) -> str:
    """Return the key of the artifact that tells a run: one a source folder, so that each has a history of its own."""
    return "ingest-raw-" + slug(" ".join(source.absolute().parts[-2:]))


def publish_run(markdown: str, source: Path, about: str, redact: Redact) -> None:
    """Publish the run's summary as a Markdown artifact."""
    description = redact(md(about))
    _quietly(lambda: create_markdown_artifact(markdown=redact(markdown), key=run_key(source), description=description))


def _quietly(publish: Callable[[], object], log: Log | None = None) -> None:
    try:
        publish()
    except Exception as error:
        # The API may be away for a moment; the files matter more than their picture.
        (log or get_run_logger()).warning("An artifact could not be published (%s).", type(error).__name__)


class FileProgress:
    """Shows how far a large file is: as a progress artifact, and now and then in the log; nothing for small ones.

    Args:
        doing: `profile` or `upload`.
        name: The file's name.
        size_bytes: Its size.
        redact: Masks secrets.
    """

    _EVERY_S = 1.0
    _LOGGED_EVERY_S = 10.0

    def __init__(self, doing: str, name: str, size_bytes: int, redact: Redact) -> None:
        self._artifact: UUID | None = None
        self._lock = threading.Lock()
        self._shown = self._logged = time.monotonic()
        self._name = shown(redact(name))
        self._large = size_bytes >= LARGE_FILE_BYTES
        if self._large:
            # Taken here: the transfer's own threads, which call, know of no run.
            self._log = get_run_logger()
            _quietly(lambda: self._start(doing))

    def _start(self, doing: str) -> None:
        artifact = create_progress_artifact(
            progress=0.0, key=f"progress-{doing}-{slug(self._name)}", description=f"{doing} of {md(self._name)}"
        )
        self._artifact = artifact if isinstance(artifact, UUID) else None

    def __call__(self, done_bytes: int, total_bytes: int) -> None:
        """Show that so many bytes of the total are done, at most once a second and at the end."""
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
            _quietly(lambda: update_progress_artifact(artifact_id=artifact, progress=percent), self._log)
