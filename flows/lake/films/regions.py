"""The regions of the analysis, made of those of the UN's M49 (https://unstats.un.org/unsd/methodology/m49/).

A country's M49 region comes from country-converter. M49 has its own borders: Eastern Europe there is ten countries from
Bulgaria to Russia; the Balkans are Southern Europe, the Baltic countries Northern Europe, Mexico Central America,
Turkey and the Caucasus Western Asia.
"""

from __future__ import annotations

import csv
import functools
import re
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.resources import files

LATIN_AMERICA = "Caribbean and Latin America"
AFRICA = "Africa"
ASIA = "Asia"
POLYNESIA = "Polynesia"
EASTERN_EUROPE = "Eastern Europe"
REGIONS = (LATIN_AMERICA, AFRICA, ASIA, POLYNESIA, EASTERN_EUROPE)
OTHER = "Other regions"
"""Where the rest of the world lies, which the analysis does not ask for."""

_OF_M49 = {
    LATIN_AMERICA: "Caribbean|Central America|South America",
    AFRICA: "Northern Africa|Eastern Africa|Middle Africa|Southern Africa|Western Africa",
    ASIA: "Central Asia|Eastern Asia|South-eastern Asia|Southern Asia|Western Asia",
    POLYNESIA: "Polynesia",
    EASTERN_EUROPE: "Eastern Europe",
}
_FORMER = {
    "AN": ("Netherlands Antilles", "Caribbean"),
    "BU": ("Burma", "South-eastern Asia"),
    "CS": ("Serbia and Montenegro", "Southern Europe"),
    "TP": ("East Timor", "South-eastern Asia"),
    "XC": ("Czechoslovakia", "Eastern Europe"),
    "XG": ("East Germany", "Western Europe"),
    "XI": ("Northern Ireland", "Northern Europe"),
    "YU": ("Yugoslavia", "Southern Europe"),
    "ZR": ("Zaire", "Middle Africa"),
}
"""Codes that TMDB has besides those of ISO 3166, with the M49 region in which their land lies today."""
_CODE = re.compile(r"[A-Z]{2}")
_BY_M49 = {m49: region for region, names in _OF_M49.items() for m49 in names.split("|")}


@dataclass(frozen=True)
class Country:
    """A country: its code (ISO 3166-1 alpha-2), name, M49 region, and the analysis's own region.

    A code that M49 does not know keeps its code as its name, and has no region.
    """

    code: str
    name: str
    m49: str | None
    region: str | None


def countries(codes: Iterable[str]) -> list[Country]:
    """Return the countries of some codes, in the order of the codes."""
    return [_country(code) for code in sorted(set(codes))]


def _country(code: str) -> Country:
    known = _known().get(code)
    if known is None:
        return Country(code, code, None, None)
    name, m49 = known
    return Country(code, name, m49, _BY_M49.get(m49, OTHER))


@functools.cache
def _known() -> dict[str, tuple[str, str]]:
    # The package's table without its class: with pandas 3, that takes Namibia's code NA for a missing value and fails
    # (country-converter 1.3.2); nothing else of it is needed.
    table = (files("country_converter") / "country_data.tsv").read_text(encoding="utf-8")
    return _FORMER | {
        code: (row["name_short"], row["UNregion"])
        for row in csv.DictReader(table.splitlines(), delimiter="\t")
        for code in _CODE.findall(row["ISO2"])
        if row["UNregion"]
    }
