"""Lakes for tests: runs of ingest-raw without Prefect, and everything that a bucket holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from flows.lake import keys
from flows.lake.manifests import manifest
from flows.lake.manifests.store import ManifestStore
from flows.lake.models import SourceFile
from flows.lake.raw.ingest_file import read_file, store_file
from flows.lake.raw.raw_layer import RawLayer
from flows.lake.s3.bucket import Bucket
from flows.lake.s3.put_new import put_new
from tests.tools.rules import RULES
from tests.tools.uploads import keys_under, read_object
from tests.unit.reports.test_run_report import summary

DAY = date(2024, 3, 5)
NOON = datetime(2024, 3, 5, 12, tzinfo=UTC)


def land(
    bucket: Bucket,
    folder: Path,
    files: Mapping[str, str | bytes],
    day: date = DAY,
    *,
    name: str = "run",
    file_day: date | None = None,
    ended: datetime = NOON,
    signing_key: bytes | None = None,
    **rules: Any,
) -> str:
    """Land files, write their manifest and a log, as a run does; returns the manifest's key."""
    outcomes = []
    manifest_keys = keys.manifest_keys(day, name, "01234567", 1)
    for file_name, held in files.items():
        path = folder / file_name
        path.write_bytes(held if isinstance(held, bytes) else held.encode())
        key = keys.raw_key(path, "F", file_day or day)
        file = SourceFile(path, "F", key, path.stat().st_size, RULES.model_copy(update=rules))
        try:
            read: Any = read_file(file)
        except Exception as error:
            read = error
        outcomes.append(store_file(file, read, RawLayer(bucket, "01234567", manifest_keys)))
    made = replace(summary(*outcomes, day=day, run_name=name), bucket=bucket.name)
    text = manifest.to_json(manifest.of_run(made, 1, ended, {}))
    for log_key in keys.log_keys(day, "01234567", 1):
        if put_new(bucket, log_key, f"run {name}\n".encode(), content_type="text/plain; charset=utf-8"):
            break
    return ManifestStore(bucket, signing_key).store(text, manifest_keys)


def everything(client: Any, bucket: str, prefix: str = "") -> dict[str, bytes]:
    """Return every object of a bucket."""
    return {key: read_object(client, bucket, key) for key in keys_under(client, bucket, prefix)}
