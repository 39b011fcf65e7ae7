"""The events that automations act on: what they are called, and what they are about.

An event that cannot be sent is reported and forgotten: it is not worth a run.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import date
from typing import Any
from uuid import UUID

from prefect.events import emit_event
from prefect.logging import get_run_logger
from prefect.runtime import flow_run

from flows.lake.contracts.collection import NO_CONTRACTS, Contracts
from flows.lake.manifests.drift import sentence
from flows.lake.models import FileOutcome
from flows.lake.raw.unchanged import PROOF
from flows.lake.reports.masking_text import sensitive_by_dataset, to_paste
from flows.lake.run_models import LakeAddress
from flows.lake.words import shown
from flows.ui import artifacts

SCHEMA_DRIFT = "ingest-raw.schema-drift"
DATASET_MISSING = "ingest-raw.dataset-missing"
SENSITIVE_COLUMN = "ingest-raw.sensitive-column"
DATASET_LANDED = "ingest-raw.dataset-landed"

MAX_EVENTS = 100
MAX_CHANGES = 100
MAX_TEXT = 2000
"""Of one event, whose size Prefect limits to 1.5 MB: how many changes, and how many characters of each."""


def emit_landed(outcomes: Iterable[FileOutcome], lake: LakeAddress, day: date) -> None:
    """Emit an event for each dataset of a run that is completed, for what is made of it to start."""
    keys: dict[str, list[str]] = defaultdict(list)
    for outcome in outcomes:
        if outcome.state in ("uploaded", "unchanged"):
            keys[outcome.dataset].append(outcome.key)
    for dataset, of_dataset in list(keys.items())[:MAX_EVENTS]:
        payload = {"dataset": dataset, "bucket": lake.bucket, "credentials": lake.credentials, "day": f"{day}"}
        more = {"keys": of_dataset[:MAX_CHANGES], "files": len(of_dataset)}
        emit(DATASET_LANDED, dataset_resource(lake.bucket, dataset), payload | more)
    if len(keys) > MAX_EVENTS:
        get_run_logger().warning("Only %d of %d datasets that landed got an event.", MAX_EVENTS, len(keys))


def emit_drift(
    outcomes: Iterable[FileOutcome], bucket: str, redact: Callable[[str], str], contracts: Contracts = NO_CONTRACTS
) -> None:
    """Emit an event for each dataset whose files differ from what landed before, for automations to act on."""
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
                "kind": change.kind,
                "column": redact(change.column) if change.column else None,
                "text": redact(change.text)[:MAX_TEXT],
            }
            for file, change in itertools.islice(
                ((file, change) for file in files for change in file.drift), MAX_CHANGES
            )
        ]
        summary = "; ".join(f"{shown(file.path.name)}: {sentence(file.drift, None)}" for file in files[:MAX_CHANGES])
        emit(
            SCHEMA_DRIFT,
            dataset_resource(bucket, dataset),
            {
                "dataset": dataset,
                "bucket": bucket,
                "summary": redact(summary)[:MAX_TEXT],
                "changes": changes,
                "changes_in_all": sum(len(file.drift) for file in files),
            }
            | owner_of(dataset, contracts, redact),
        )
    if len(by_dataset) > MAX_EVENTS:
        get_run_logger().warning("Only %d of %d datasets with drift got an event.", MAX_EVENTS, len(by_dataset))


def emit_sensitive(
    outcomes: Iterable[FileOutcome], bucket: str, redact: Callable[[str], str], contracts: Contracts = NO_CONTRACTS
) -> None:
    """Emit an event for each dataset with columns that look sensitive, with the contract that would mask them."""
    read = (outcome for outcome in outcomes if outcome.verified_by != PROOF)
    for dataset, columns in list(sensitive_by_dataset(read).items())[:MAX_EVENTS]:
        emit(
            SENSITIVE_COLUMN,
            dataset_resource(bucket, dataset),
            {
                "dataset": dataset,
                "bucket": bucket,
                "columns": [
                    {"column": redact(one.column), "kind": one.kind, "mask": one.mask} for one in columns[:MAX_CHANGES]
                ],
                "columns_in_all": len(columns),
                "contract": redact(to_paste(dataset, columns[:MAX_CHANGES])),
            }
            | owner_of(dataset, contracts, redact),
        )


def owner_of(dataset: str, contracts: Contracts, redact: Callable[[str], str]) -> dict[str, str]:
    """Return whom a dataset's contract names as its owner, as events carry it."""
    contract = contracts.get(dataset)
    return {"owner": redact(contract.owner)} if contract and contract.owner else {}


def emit(event: str, resource: dict[str, str], payload: dict[str, Any]) -> None:
    """Emit an event that is related to this run."""
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
