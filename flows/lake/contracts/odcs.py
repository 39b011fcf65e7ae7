"""Contracts in the form of the Open Data Contract Standard 3.1, a document for each dataset.

https://bitol-io.github.io/open-data-contract-standard/v3.1.0/. What the standard has no field for (patterns of file
names, the date in them, how they are read and land) is kept as custom properties.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from flows.lake.contracts.contract import Contract

API_VERSION = "v3.1.0"
_NAMESPACE = uuid.UUID("6f5a9f0e-4a55-5a0c-9d0c-0d7c3a0b7f51")
_STANDARD = {"description", "owner", "expect", "columns"}


def to_yaml(contracts: Mapping[str, Contract]) -> str:
    """Return the documents, one after the other."""
    documents = [document(dataset, contract) for dataset, contract in contracts.items()]
    return yaml.safe_dump_all(documents, sort_keys=False, allow_unicode=True, explicit_start=True)


def document(dataset: str, contract: Contract) -> dict[str, Any]:
    """Return the contract of a dataset as the standard has it."""
    columns = [_property(name, column) for name, column in contract.columns.items()]
    table: dict[str, Any] = {"name": dataset, "physicalType": "file", "logicalType": "object"}
    if contract.description:
        table["description"] = contract.description
    if columns:
        table["properties"] = columns
    made: dict[str, Any] = {
        "apiVersion": API_VERSION,
        "kind": "DataContract",
        "id": str(uuid.uuid5(_NAMESPACE, dataset)),
        "name": dataset,
        "version": contract.sha256[:12],
        "status": "active",
        "schema": [table],
    }
    if contract.description:
        made["description"] = {"purpose": contract.description}
    if contract.owner:
        made["team"] = {"members": [{"username": contract.owner, "role": "owner"}]}
    if contract.expect:
        made["slaProperties"] = list(_service_levels(contract))
    if custom := list(_custom(contract)):
        made["customProperties"] = custom
    return made


def _property(name: str, column: Any) -> dict[str, Any]:
    made: dict[str, Any] = {"name": name, "logicalType": "string", "required": column.required}
    if column.description:
        made["description"] = column.description
    return made


def _service_levels(contract: Contract) -> Iterator[dict[str, Any]]:
    if contract.expect is None:
        return
    yield {"property": "frequency", "value": contract.expect.every}
    if contract.expect.by:
        yield {"property": "timeOfAvailability", "value": contract.expect.by}
    if contract.expect.since:
        yield {"property": "generalAvailability", "value": str(contract.expect.since)}


def _custom(contract: Contract) -> Iterator[dict[str, Any]]:
    stated = contract.model_dump(mode="json", exclude_unset=True)
    for field, value in stated.items():
        if field not in _STANDARD and value not in (None, {}, []):
            words = field.split("_")
            yield {"property": words[0] + "".join(word.title() for word in words[1:]), "value": value}
