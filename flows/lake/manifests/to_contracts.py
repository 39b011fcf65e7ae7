"""The contracts of what a run landed, as a first version for a person to go on from."""

from __future__ import annotations

import json
from typing import Any

import yaml

from flows.lake.manifests.entries import ManifestFile
from flows.lake.manifests.manifest import Manifest

_HEAD = "# yaml-language-server: $schema=docs/contract.schema.json\n"
_DATE = {"%Y": "[0-9][0-9][0-9][0-9]", "%m": "[0-9][0-9]", "%d": "[0-9][0-9]"}


def contracts_of(manifest: Manifest) -> dict[str, dict[str, Any]]:
    """Return dataset to its contract: what was stated when it landed, and what was found of its format and columns."""
    by_dataset: dict[str, list[ManifestFile]] = {}
    for file in manifest.files:
        if file.landed:
            by_dataset.setdefault(file.dataset, []).append(file)
    return {dataset: _contract(manifest, files) for dataset, files in by_dataset.items()}


def to_yaml(contracts: dict[str, dict[str, Any]]) -> str:
    """Return contracts as a file holds them."""
    return _HEAD + yaml.safe_dump(contracts, sort_keys=False, allow_unicode=True, width=120)


def _contract(manifest: Manifest, files: list[ManifestFile]) -> dict[str, Any]:
    stated: dict[str, Any] = json.loads(manifest.contract_of(files[0]) or "{}")
    found: dict[str, Any] = {"files": sorted({_pattern(file.known_as) for file in files})}
    first = files[0]
    if len({(file.delimiter, file.encoding, file.decimal, file.quotechar) for file in files}) == 1:
        read = {"delimiter": _word(first.delimiter), "encoding": first.encoding}
        read |= {"decimal": first.decimal} if first.decimal not in (None, ".") else {}
        read |= {"quotechar": first.quotechar} if first.quotechar not in (None, '"') else {}
        found["read"] = {name: value for name, value in read.items() if value}
    columns: dict[str, Any] = {column.name: {} for file in files for column in file.columns}
    return found | stated | {"columns": columns | stated.get("columns", {})}


def _pattern(known_as: str) -> str:
    """Return a name with wildcards where its date is, and none where a name has signs that are wildcards."""
    for directive, digits in _DATE.items():
        known_as = known_as.replace(directive, digits)
    return known_as


def _word(delimiter: str | None) -> str | None:
    return {"\t": "tab", " ": "space"}.get(delimiter or "", delimiter)
