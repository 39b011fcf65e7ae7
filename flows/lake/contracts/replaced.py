"""The parameters that contracts replace, turned into the contracts that say the same."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from flows.lake.contracts.collection import DEFAULT_FILE
from flows.lake.errors import SettingsError

REPLACED = ("datasets", "dialects", "date_from_name")
_UNREADABLE = {True: "quarantine", False: "leave"}


def refuse_replaced(parameters: Mapping[str, Any]) -> None:
    """Make sure that none of the replaced parameters is given.

    Raises:
        SettingsError: One is; the message holds the contracts to write instead.
    """
    if "quarantine" in parameters:
        now = _UNREADABLE.get(parameters["quarantine"] not in (False, "false", "False"), "quarantine")
        raise SettingsError("The parameter quarantine is replaced by unreadable.", remedy=f"Give unreadable={now}.")
    given = {name: parameters[name] for name in REPLACED if parameters.get(name)}
    if not given and not any(name in parameters for name in REPLACED):
        return
    names = " and ".join(name for name in REPLACED if name in parameters)
    is_one = sum(name in parameters for name in REPLACED) == 1
    contracts = contracts_of(given)
    if not contracts:
        raise SettingsError(
            f"The parameter{'' if is_one else 's'} {names} {'is' if is_one else 'are'} replaced by contracts.",
            remedy="Leave it out." if is_one else "Leave them out.",
        )
    as_yaml = yaml.safe_dump(contracts, sort_keys=False, allow_unicode=True, default_flow_style=True, width=10_000)
    raise SettingsError(
        f"The parameter{'' if is_one else 's'} {names} {'is' if is_one else 'are'} replaced by contracts.",
        remedy=f"Write this to {DEFAULT_FILE}, or give it as the parameter contracts: {as_yaml.strip()}",
    )


def contracts_of(given: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the contracts that say what the replaced parameters said."""
    contracts: dict[str, dict[str, Any]] = {}
    for pattern, dataset in _items(given.get("datasets")):
        contracts.setdefault(dataset, {}).setdefault("files", []).append(pattern)
    for dataset, form in _items(given.get("date_from_name")):
        contracts.setdefault(dataset, {})["date"] = form
    for dataset, text in _items(given.get("dialects")):
        words = (word.partition("=") for word in text.split())
        read = {name: {"\\t": "tab"}.get(value, value) for name, _, value in words}
        contracts.setdefault(dataset, {})["read"] = read
    return contracts


def _items(given: Any) -> list[tuple[str, str]]:
    return [(str(name), str(value)) for name, value in given.items()] if isinstance(given, Mapping) else []
