"""Which files a run fetches: those of its source, or those that its contracts name."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from flows.lake.contracts.collection import load
from flows.lake.errors import ContractInvalid, SettingsError, SourceNotFound
from flows.lake.places import ALL_ADDRESSES
from flows.lake.sources.folder import find_files
from tests.unit.sources.test_folder import settings

DAY = date(2024, 3, 5)
CONTRACTS = {
    "Empresas": {"files": ["https://a.example/e_%Y%m.zip", "empresas*.csv"]},
    "Socios": {"files": "https://a.example/get?id=2#socios.csv"},
}


def keys_of(source: Path, contracts: Any = CONTRACTS, **changes: Any) -> list[str]:
    return [file.key for file in find_files(settings(source, contracts=contracts, **changes), DAY).files]


def test_the_source_https_is_what_contracts_name() -> None:
    assert keys_of(ALL_ADDRESSES) == [
        "Raw/Web/ZIP/Empresas/2024/03/05/e_202403.zip",
        "Raw/Web/CSV/Socios/2024/03/05/socios.csv",
    ]


def test_an_address_that_is_named_twice_is_fetched_once() -> None:
    source = Path("https://a.example/e_%Y%m.csv https://a.example/e_202403.csv")
    assert len(keys_of(source)) == 1


def test_an_address_belongs_to_the_contract_that_names_it_or_its_name() -> None:
    source = Path("https://a.example/e_202403.zip https://b.example/Empresas_1.csv https://b.example/outra.csv")
    assert [key.split("/")[3] for key in keys_of(source)] == ["Empresas", "Empresas", "Outra"]


def test_only_contracts_holds_for_addresses_too() -> None:
    source = Path("https://a.example/e_202403.zip https://b.example/outra.csv")
    found = find_files(settings(source, contracts=CONTRACTS, only_contracts=True), DAY)
    assert [file.dataset for file in found.files] == ["Empresas"]
    assert [outcome.state for outcome in found.unusable] == ["rejected"]


def test_an_address_claims_no_file_of_a_folder(tmp_path: Path) -> None:
    for name in ("socios.csv", "e_202403.zip", "empresas.csv"):
        (tmp_path / name).write_text("a\n1\n")
    found = find_files(settings(tmp_path, contracts=CONTRACTS), DAY)
    assert {file.path.name: file.dataset for file in found.files} == {
        "empresas.csv": "Empresas",
        "socios.csv": "Socios",
    }


def test_without_addresses_in_contracts_there_is_nothing_to_take() -> None:
    with pytest.raises(SourceNotFound, match="No contract names an address"):
        keys_of(ALL_ADDRESSES, {"A": {"files": "a.csv"}})


@pytest.mark.parametrize(
    "text",
    [
        "https://ana:s3cr3t@a.example/x.csv",
        "https://a.example/x.csv?token=s3cr3t",
        "https://a.example/",
        "https://a.example/x.csv https://a.example/y.csv",
        "ftp://a.example/x.csv",
    ],
)
def test_addresses_that_cannot_be_are_problems_of_the_contract_and_of_the_source(text: str) -> None:
    with pytest.raises(ContractInvalid) as caught:
        load({"A": {"files": text}})
    assert "s3cr3t" not in str(caught.value)
    if text.startswith("https") and " " not in text:
        with pytest.raises(SettingsError) as refused:
            settings(Path(text))
        assert "s3cr3t" not in str(refused.value)
