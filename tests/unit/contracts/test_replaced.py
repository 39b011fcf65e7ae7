"""What became of the parameters that contracts replace."""

from __future__ import annotations

import pytest
import yaml

from flows.ingest_raw import ingest_raw
from flows.lake.contracts.collection import load
from flows.lake.errors import SettingsError

OLD = {
    "datasets": {"orders_*": "Orders", "pedidos": "Orders"},
    "dialects": {"Orders": r"delimiter=\t encoding=cp1252 decimal=,"},
    "date_from_name": {"Orders": "_%Y-%m-%d"},
}


def test_the_old_parameters_are_refused_with_the_contract_to_write() -> None:
    with pytest.raises(SettingsError) as caught:
        ingest_raw(source="nowhere", **OLD)
    message = str(caught.value)
    assert message.startswith("The parameters datasets and dialects and date_from_name are replaced by contracts.")
    contract = load(yaml.safe_load(message.partition("contracts: ")[2]))["Orders"]
    assert contract.files == ("orders_*", "pedidos")
    assert contract.read.dialect.delimiter == "\t"
    assert (contract.read.encoding, contract.read.decimal, contract.date) == ("cp1252", ",", "_%Y-%m-%d")


def test_a_run_of_an_older_deployment_says_what_to_write() -> None:
    with pytest.raises(SettingsError, match=r"The parameter datasets is replaced .*Orders: \{files: \[a\]\}"):
        ingest_raw.validate_parameters({"datasets": {"a": "Orders"}})


def test_an_empty_old_parameter_is_told_to_be_left_out() -> None:
    with pytest.raises(SettingsError, match=r"date_from_name is replaced by contracts. Leave it out."):
        ingest_raw.validate_parameters({"date_from_name": None})
