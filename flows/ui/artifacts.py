"""What a person sees in the Prefect UI: artifacts.

Artifact keys are stable from day to day, so that the UI shows their history. Whatever goes out passes through the
redactor of the credentials first. A failing artifact is never worth a failing run: it is reported and forgotten.
"""

from __future__ import annotations

import logging
import re
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

from prefect.artifacts import (
    create_markdown_artifact,
    create_table_artifact,
)
from prefect.logging import get_run_logger

from flows.lake.models import CsvProfile
from flows.lake.places import source_text
from flows.lake.reports.profile_report import profile_description, profile_table
from flows.lake.words import md

Redact = Callable[[str], str]
Log = logging.Logger | logging.LoggerAdapter[Any]


def slug(text: str) -> str:
    """Return text as artifact keys allow it: lower-case ASCII letters, digits and dashes."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-") or "unnamed"


def publish_profile(dataset: str, profiles: list[CsvProfile], about: str, redact: Redact) -> None:
    """Publish a dataset's profile as a table artifact, whose key is the dataset's from day to day."""
    table = [
        {name: redact(value) if isinstance(value, str) else value for name, value in row.items()}
        for row in profile_table(profiles)
    ]
    description = redact(profile_description(profiles, about))
    quietly(lambda: create_table_artifact(table=table, key=f"profile-{slug(dataset)}", description=description))


def publish_markdown(key: str, markdown: str, description: str, redact: Redact) -> None:
    """Publish a Markdown artifact."""
    quietly(lambda: create_markdown_artifact(markdown=redact(markdown), key=key, description=redact(description)))


def run_key(source: Path) -> str:
    """Return the key of the artifact that tells a run: one a source folder, so that each has a history of its own."""
    return "ingest-raw-" + slug(" ".join(Path(source_text(source)).parts[-2:]))


def publish_run(markdown: str, source: Path, about: str, redact: Redact) -> None:
    """Publish the run's summary as a Markdown artifact."""
    description = redact(md(about))
    quietly(lambda: create_markdown_artifact(markdown=redact(markdown), key=run_key(source), description=description))


def quietly(publish: Callable[[], object], log: Log | None = None) -> None:
    """Publish something; a failing artifact is reported and forgotten."""
    try:
        publish()
    except Exception as error:
        # The API may be away for a moment; the files matter more than their picture.
        (log or get_run_logger()).warning("An artifact could not be published (%s).", type(error).__name__)
