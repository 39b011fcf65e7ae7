"""The run's memory as Prefect tasks: what earlier runs landed is read before the files, what this one did is written.

A run whose manifest could not be written ends Failed, since the next one would compare with an older day. A run that
may not read the past still ingests, unless it was asked to reject what differs from it.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import itertools
import secrets
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from prefect.events import emit_event
from prefect.logging import get_run_logger
from prefect.runtime import flow_run
from pydantic import SecretStr

from flows.connection import Target, connect
from flows.ingest.tasks import stage
from flows.lake import keys
from flows.lake.errors import LakeError, StorageError
from flows.lake.manifests.drift import sentence
from flows.lake.manifests.history import History, dataset_runs
from flows.lake.models import FileOutcome, RunSummary
from flows.lake.redact import guard_logs
from flows.lake.reports.history_text import history_markdown
from flows.lake.sources.folder import SourceFolder
from flows.lake.words import shown
from flows.ui import artifacts

if TYPE_CHECKING:
    from flows.lake.manifests.history import DatasetRun, FileName
    from flows.lake.manifests.store import ManifestStore

SIGNING_KEY = "lake-manifests"
"""The secret block that holds the key which signs this server's manifests."""

SCHEMA_DRIFT = "ingest-raw.schema-drift"
MAX_EVENTS = 100
MAX_CHANGES = 100
MAX_TEXT = 2000
"""Of one event, whose size Prefect limits to 1.5 MB: how many changes, and how many characters of each."""


@stage(name="read-history", task_run_name="read history")
def read_history(folder: SourceFolder, date_from_name: Mapping[str, str], day: date, target: Target) -> History:
    """Find the last landing of each file of the folder, and the last runs of each dataset.

    Raises:
        StorageError: It cannot be read, and the run was asked to reject files that differ from it.
    """
    from flows.lake.bucket import ensure
    from flows.lake.manifests import history

    client = connect(target.credentials, target.run_id).client
    if target.dry_run and ensure.inspect_bucket(client, target.bucket, expected_owner=target.expected_owner) is None:
        return history.History()
    wanted = {name_of(file.path.name, file.dataset, date_from_name) for file in folder.files}
    try:
        return history.read_history(store_of(target), wanted, day)
    except StorageError as error:
        if target.on_drift == "reject":
            raise
        return history.History(unreadable=(f"What landed before could not be read: {error}",))


@stage(name="find-unchanged", task_run_name="find unchanged files")
def find_unchanged(folder: SourceFolder, target: Target) -> list[FileOutcome]:
    """Return the outcomes of the files that an earlier run recorded and that, like their objects, are unchanged."""
    from flows.lake.raw import unchanged

    client = connect(target.credentials, target.run_id).client
    return unchanged.find_unchanged(client, target.bucket, folder.files, target.expected_owner)


def store_of(target: Target, *, make_key: bool = False) -> ManifestStore:
    """Return the manifests of a lake."""
    from flows.lake.manifests.store import ManifestStore

    client = connect(target.credentials, target.run_id).client
    key = signing_key(target.run_id, make_key) if flow_run.id else None
    return ManifestStore(client, target.bucket, target.expected_owner, key)


@functools.lru_cache(maxsize=2)
def signing_key(run_id: str, create: bool) -> bytes | None:  # noqa: ARG001 - part of the cache's key
    """Return the key that signs this server's manifests; made on first use, as a secret block that is never shown.

    Args:
        run_id: The flow run; each asks anew.
        create: Whether it may be made.

    Returns:
        The key, or `None` where the server gives none: nothing is signed then, and no file is left unread.
    """
    from prefect.blocks.system import Secret

    for _ in range(2):
        try:
            key: str = Secret.load(SIGNING_KEY).get()  # type: ignore[union-attr]  # a synchronous call
        except ValueError:  # there is none
            if not create:
                return None
            with contextlib.suppress(ValueError):  # another run was quicker
                Secret(value=SecretStr(secrets.token_urlsafe(32))).save(SIGNING_KEY)
        except Exception as error:
            problem = type(error).__name__
            get_run_logger().warning("The key that signs manifests cannot be had (%s): every file is read.", problem)
            return None
        else:
            guard_logs([key])
            return key.encode()
    return None


def name_of(name: str, dataset: str, date_from_name: Mapping[str, str]) -> FileName:
    """Return what a file is looked for as in earlier days."""
    return dataset, keys.known_as(name, date_from_name.get(dataset))


@stage(name="write-manifest", task_run_name="write manifest")
def write_manifest(text: str, manifest_keys: tuple[str, str], target: Target) -> str:
    """Store the run's manifest; returns its key."""
    return store_of(target, make_key=True).store(text, manifest_keys)


class Memory:
    """What a run knows of earlier ones, and what it leaves for later ones.

    Args:
        date_from_name: The form of the date in the file names of datasets that have one.
    """

    def __init__(self, date_from_name: Mapping[str, str]) -> None:
        self._date_from_name = date_from_name
        self._history = History()
        self._now: list[DatasetRun] = []

    def recall(self, folder: SourceFolder, history: History, *, reread: bool) -> SourceFolder:
        """Take in what is known of earlier runs.

        Args:
            folder: What the run found.
            history: What was found of the past.
            reread: Compare with the past, but take no file for read or stored because of it.

        Returns:
            The folder with each file's last landing at the file.
        """
        self._history = history
        last = history.last
        if reread:
            last = {name: dataclasses.replace(landing, landed=None) for name, landing in last.items()}
        files = tuple(
            dataclasses.replace(file, before=last.get(name_of(file.path.name, file.dataset, self._date_from_name)))
            for file in folder.files
        )
        return dataclasses.replace(folder, files=files)

    def write(self, summary: RunSummary, target: Target, *, as_task: bool) -> str:
        """Write the manifest of a run and return its key.

        Args:
            summary: The run.
            target: The lake.
            as_task: Whether a task may be started for it; a run that is being cancelled can start none.

        Raises:
            LakeError: It could not be stored.
        """
        from flows.lake.manifests import manifest

        made = manifest.of_run(summary, flow_run.run_count, datetime.now(summary.started.tzinfo), self._date_from_name)
        self._now = dataset_runs(made)
        try:
            text = manifest.masked(made, connect(target.credentials, target.run_id).redact)
        except ValueError as error:
            raise LakeError("with its secrets masked it is not valid any more") from error
        names = keys.manifest_keys(summary.day, summary.run_name, summary.run_id, flow_run.run_count)
        writer = write_manifest if as_task else write_manifest.fn
        key = writer(text, names, target)
        # A plain call of a stage's function returns its Failed state, whose result raises.
        return key if isinstance(key, str) else str(key.result())

    def markdown(self) -> str:
        """Return the section of the run's artifact on earlier runs."""
        return history_markdown(self._now, self._history.runs)


def emit_drift(outcomes: Iterable[FileOutcome], target: Target) -> None:
    """Emit an event for each dataset whose files differ from what landed before, for automations to act on."""
    redact = connect(target.credentials, target.run_id).redact
    by_dataset: dict[str, list[FileOutcome]] = defaultdict(list)
    for outcome in outcomes:
        if outcome.drift:
            by_dataset[outcome.dataset].append(outcome)
    for dataset, files in list(by_dataset.items())[:MAX_EVENTS]:
        changes = [
            {
                "file": redact(file.path.name),
                "key": file.key,
                "outcome": file.state,
                "kind": one.kind,
                "column": redact(one.column) if one.column else None,
                "text": redact(one.text)[:MAX_TEXT],
            }
            for file, one in itertools.islice(((file, one) for file in files for one in file.drift), MAX_CHANGES)
        ]
        summary = "; ".join(f"{shown(file.path.name)}: {sentence(file.drift, None)}" for file in files[:MAX_CHANGES])
        emit(
            SCHEMA_DRIFT,
            dataset_resource(target.bucket, dataset),
            {
                "dataset": dataset,
                "bucket": target.bucket,
                "summary": redact(summary)[:MAX_TEXT],
                "changes": changes,
                "changes_in_all": sum(len(file.drift) for file in files),
            },
        )
    if len(by_dataset) > MAX_EVENTS:
        get_run_logger().warning("Only %d of %d datasets with drift got an event.", MAX_EVENTS, len(by_dataset))


def emit(event: str, resource: dict[str, str], payload: dict[str, Any]) -> None:
    """Emit an event that is related to this run; one that cannot be sent is not worth the run."""
    try:
        emit_event(event=event, resource=resource, related=run_related(), payload=payload)
    except Exception as error:
        get_run_logger().warning("The event %s could not be emitted (%s).", event, type(error).__name__)


def dataset_resource(bucket: str, dataset: str) -> dict[str, str]:
    """Return what events call a dataset of a lake."""
    return {
        "prefect.resource.id": f"lake.dataset.{bucket}.{artifacts.slug(dataset)}",
        "prefect.resource.name": dataset,
        "lake.bucket": bucket,
    }


def run_related() -> list[dict[str, str]]:
    """Return the flow run as events name what they are related to."""
    run_id = UUID(flow_run.id) if flow_run.id else None
    if run_id is None:
        return []
    return [{"prefect.resource.id": f"prefect.flow-run.{run_id}", "prefect.resource.role": "flow-run"}]
