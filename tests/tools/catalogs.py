"""Manifests for tests of the catalog, made without files."""

from __future__ import annotations

import hashlib
import zipfile
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from flows.lake import keys
from flows.lake.manifests import manifest
from flows.lake.manifests.manifest import Manifest
from flows.lake.manifests.store import ManifestStore
from flows.lake.models import ColumnProfile, Drift, FileOutcome
from flows.lake.raw.archive_file import profile_archive
from flows.lake.sources.folder import find_files
from tests.tools import rules
from tests.unit.reports.test_run_report import profile, summary

DAY = date(2024, 3, 5)


def landed(
    dataset: str,
    name: str,
    day: date,
    rows: int = 10,
    *,
    state: Any = "uploaded",
    columns: tuple[tuple[str, str], ...] = (("id", "int64"), ("nome", "str")),
    drift: tuple[Drift, ...] = (),
    reason: str = "",
    bytes_: str = "",
    **more: Any,
) -> FileOutcome:
    """Return how a file's way ended; files of other `bytes_` differ in their digest."""
    path = Path("/in") / name
    held = tuple(ColumnProfile(column, dtype, rows) for column, dtype in columns)
    digest = hashlib.sha256((bytes_ or f"{name} {day} {rows}").encode()).hexdigest()
    of_file = (
        None
        if state in ("rejected", "failed")
        else replace(profile(name, rows), path=path, columns=held, sha256=digest, size_bytes=rows * 8)
    )
    return FileOutcome(
        path,
        dataset,
        f"Raw/Local/CSV/{dataset}/{keys.day_path(day)}/{name}",
        state,
        reason=reason,
        profile=of_file,
        size_bytes=rows * 8,
        drift=drift,
        **more,
    )


def manifest_of(
    day: date, *outcomes: FileOutcome, bucket: str = "a-lake", name: str = "run", hour: int = 6
) -> Manifest:
    """Return the manifest of a run."""
    moment = datetime(day.year, day.month, day.day, hour, tzinfo=UTC)
    made = replace(summary(*outcomes, day=day, run_name=name), bucket=bucket, started=moment)
    return manifest.of_run(made, 1, moment, {})


def archive_manifest(members: dict[str, str], path: Path) -> Manifest:
    """Write an archive and return the manifest of a run that landed it, as the dataset Dados."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    (file,) = find_files(
        rules.settings(source=path.parent, pattern="*.zip", contracts={"Dados": {"files": "*.zip"}}), DAY
    ).files
    profile = profile_archive(file)
    return manifest_of(DAY, FileOutcome(path, file.dataset, file.key, "uploaded", profile=profile))


def store(manifests: ManifestStore, made: Manifest) -> str:
    """Store a manifest; returns its key."""
    run_keys = keys.manifest_keys(made.logical_date, made.run_name, "01234567", 1)
    return manifests.store(manifest.to_json(made), run_keys)
