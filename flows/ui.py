"""What a person sees in the Prefect UI: artifacts and run names.

Artifact keys are stable from day to day, so that the UI shows their history. Whatever goes out passes through the
redactor of the credentials first. A failing artifact is never worth a failing run: it is reported and forgotten.
"""

from __future__ import annotations

import re
import threading
import time
import unicodedata
from collections.abc import Callable
from datetime import date, datetime
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

LARGE_FILE_BYTES = 32 * 1000 * 1000
"""Files from this size on show their progress; smaller ones are done before anybody looks."""

DEFAULT_TIMEZONE = "America/Sao_Paulo"

Redact = Callable[[str], str]


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
    return f"{day} {source}" + (" (dry run)" if given.get("dry_run") else "")


def publish_profile(dataset: str, profiles: list[CsvProfile], redact: Redact) -> None:
    """Publish a dataset's profile as a table artifact: one row a column, for each of its files."""
    several = len(profiles) > 1
    table = [
        ({"file": redact(profile.path.name)} if several else {})
        | {"column": redact(column.name), "non-null": column.non_null, "dtype": column.dtype}
        for profile in profiles
        for column in profile.columns
    ]
    first = profiles[0]
    files = f"{len(profiles)} files" if several else first.path.name
    rows = sum(profile.rows for profile in profiles)
    description = f"**{files}**: {rows:,} rows x {len(first.columns):,} columns"
    description += f", delimiter {first.delimiter!r}, encoding {first.encoding}."
    description += "".join(f"\n- {hint}" for profile in profiles for hint in profile.hints)
    _quietly(
        lambda: create_table_artifact(table=table, key=f"profile-{slug(dataset)}", description=redact(description))
    )


def publish_markdown(key: str, markdown: str, description: str, redact: Redact) -> None:
    """Publish a Markdown artifact."""
    _quietly(lambda: create_markdown_artifact(markdown=redact(markdown), key=key, description=redact(description)))


def publish_run(markdown: str, source_name: str, redact: Redact) -> None:
    """Publish the run's summary as a Markdown artifact."""
    _quietly(
        lambda: create_markdown_artifact(
            markdown=redact(markdown),
            key="ingest-raw-run",
            description=redact(f"What `ingest-raw` did with {source_name}: files, rows, bytes and outcomes."),
        )
    )


def _quietly(publish: Callable[[], object]) -> None:
    try:
        publish()
    except Exception as error:
        # The API may be away for a moment; the files matter more than their picture.
        get_run_logger().warning("An artifact could not be published (%s).", type(error).__name__)


class FileProgress:
    """Shows how far a large file is, as a progress artifact; does nothing for small ones.

    Args:
        doing: `profile` or `upload`.
        name: The file's name.
        size_bytes: Its size.
        redact: Masks secrets.
    """

    _EVERY_S = 1.0

    def __init__(self, doing: str, name: str, size_bytes: int, redact: Redact) -> None:
        self._artifact: UUID | None = None
        self._lock = threading.Lock()
        self._last = time.monotonic()
        if size_bytes >= LARGE_FILE_BYTES:
            _quietly(lambda: self._start(doing, name, redact))

    def _start(self, doing: str, name: str, redact: Redact) -> None:
        artifact = create_progress_artifact(
            progress=0.0, key=f"{doing}-{slug(name)}", description=redact(f"{doing} of {name}")
        )
        self._artifact = artifact if isinstance(artifact, UUID) else None

    def __call__(self, done_bytes: int, total_bytes: int) -> None:
        """Show that so many bytes of the total are done, at most once a second and at the end."""
        artifact = self._artifact
        if artifact is None or not total_bytes:
            return
        with self._lock:
            now = time.monotonic()
            if now - self._last < self._EVERY_S and done_bytes < total_bytes:
                return
            self._last = now
        percent = min(100.0, 100.0 * done_bytes / total_bytes)
        _quietly(lambda: update_progress_artifact(artifact_id=artifact, progress=percent))
