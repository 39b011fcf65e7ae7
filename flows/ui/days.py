"""Which day a run is for, and the name that it gets from it."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from prefect.runtime import flow_run

from flows.lake.places import is_web, source_text
from flows.lake.words import shown

DEFAULT_TIMEZONE = "America/Sao_Paulo"


def scheduled_start(zone: ZoneInfo) -> datetime:
    """Return when this run was to start, in a time zone."""
    start: datetime = flow_run.scheduled_start_time
    return start.astimezone(zone)


def logical_date(zone: ZoneInfo | None = None) -> date:
    """Return the day that this run is for: its scheduled start in a time zone, however late it really began."""
    return scheduled_start(zone or ZoneInfo(DEFAULT_TIMEZONE)).date()


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
    source = str(given.get("source") or "")
    if is_web(Path(source)):
        source = source_text(Path(source))
    source = source.rstrip("/").rsplit("/", 1)[-1]
    return f"{day} {shown(source)}" + (" (dry run)" if given.get("dry_run") else "")
