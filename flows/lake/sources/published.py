"""The files of a run that are published at addresses: those of its source, or those that its contracts name."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from flows.lake.contracts.collection import Contracts
from flows.lake.errors import SourceNotFound
from flows.lake.places import ALL_ADDRESSES
from flows.lake.settings import IngestSettings
from flows.lake.web.addresses import WebOrigin, origins


def published(settings: IngestSettings, day: date) -> list[tuple[Path, WebOrigin]]:
    """Return the files that a run is to fetch, in the order of their paths; nothing is asked yet.

    Raises:
        SourceNotFound: The run is to take what its contracts name, and they name no address.
    """
    if settings.source == ALL_ADDRESSES:
        found = [origin for origin, _ in _stated(settings.contracts, day)]
        if not found:
            raise SourceNotFound(
                "No contract names an address in its files.",
                remedy="Write where each dataset is published into files, or name addresses as source.",
                path=settings.source,
            )
    else:
        found = origins(settings.source, day)
    return sorted(((origin.place, origin) for origin in dict.fromkeys(found)), key=lambda entry: entry[0])


def owners(contracts: Contracts, day: date) -> dict[str, str]:
    """Return the datasets whose contracts name an address, by the address as it is asked on a day."""
    return {origin.url: dataset for origin, dataset in _stated(contracts, day)}


def _stated(contracts: Contracts, day: date) -> list[tuple[WebOrigin, str]]:
    return [
        (origin, dataset)
        for dataset, contract in contracts.items()
        for text in contract.addresses
        for origin in origins(text, day)  # not as a path, which would lose a slash of two
    ]
