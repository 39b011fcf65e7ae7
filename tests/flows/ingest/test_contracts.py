"""Contracts in runs: how files are read and land by them, what remembers them, and what their errors stop."""

from __future__ import annotations

import json
import os
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from flows.lake.contracts.collection import load
from tests.conftest import S3
from tests.flows.conftest import event_of, log_of, objects
from tests.flows.ingest.test_manifest import manifests_of, on_moto, on_rclone

DAY, NEXT = date(2024, 3, 5), date(2024, 3, 6)
ORDERS = """\
Orders:
  owner: data-team@example.com
  files: orders_*.csv
  date: _%Y-%m-%d
  read: {delimiter: ";", encoding: cp1252, decimal: ","}
  columns:
    id: {required: true}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    (tmp_path / "in/orders_2024-02-01.csv").write_bytes("id;preço\n1;2,5\n".encode("cp1252"))
    return tmp_path / "in"


def test_ingest_reads_lands_and_remembers_by_contract(ingest: Any, s3: S3, folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "datasets.yaml"
    path.write_text(ORDERS)
    summary = ingest(folder, partition_date=DAY, contracts=str(path)).result()
    (outcome,) = summary.outcomes
    assert outcome.key == "Raw/Local/CSV/Orders/2024/02/01/orders_2024-02-01.csv"
    assert [(column.name, column.dtype) for column in outcome.profile.columns] == [
        ("id", "int64"),
        ("preço", "float64"),
    ]
    (manifest,) = manifests_of(s3).values()
    contract = load(ORDERS)["Orders"]
    assert manifest.contracts == {contract.sha256: contract.text}
    assert manifest.files[0].contract == contract.sha256
    assert f"Contracts of 1 dataset from {path}" in log_of(s3)


@on_rclone
def test_ingest_takes_contracts_from_s3_and_as_json(ingest: Any, s3: S3, folder: Path) -> None:
    s3.client().create_bucket(Bucket=s3.bucket)
    s3.client().put_object(Bucket=s3.bucket, Key="etc/datasets.yaml", Body=ORDERS.encode())
    for given in (
        f"s3://{s3.bucket}/etc/datasets.yaml",
        json.dumps({"Orders": {"files": "orders_*", "date": "_%Y-%m-%d"}}),
    ):
        (outcome,) = ingest(folder, partition_date=DAY, contracts=given).result().outcomes
        assert outcome.key == "Raw/Local/CSV/Orders/2024/02/01/orders_2024-02-01.csv"


@on_rclone
@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("s3://{bucket}/none.yaml", "There are no contracts at s3://"),
        ("nowhere.yaml", "There is no file nowhere.yaml with contracts"),
        ({"Orders": {"fils": "x"}}, "Orders, fils is not a field of a contract; did you mean files?"),
    ],
)
def test_ingest_with_wrong_contracts_says_why_and_takes_no_file(
    ingest: Any, s3: S3, folder: Path, given: Any, told: str
) -> None:
    s3.client().create_bucket(Bucket=s3.bucket)
    given = given.format(bucket=s3.bucket) if isinstance(given, str) else given
    state = ingest(folder, partition_date=DAY, contracts=given)
    assert state.is_failed()
    assert told in state.message
    assert not objects(s3, "Raw/")


@on_rclone
def test_ingest_file_without_a_required_column_is_rejected_in_words_of_its_own(
    ingest: Any, s3: S3, folder: Path
) -> None:
    (folder / "orders_2024-02-02.csv").write_text("number;total\n1;2\n")
    state = ingest(folder, partition_date=DAY, contracts=ORDERS, on_drift="ignore")
    assert state.is_failed()
    good, bad = next(iter(manifests_of(s3).values())).files
    assert (good.outcome, bad.outcome) == ("uploaded", "rejected")
    assert "it has no column 'id', which its contract requires" in str(bad.reason)
    assert bad.kept_as == "Quarantine/Local/CSV/Orders/2024/02/02/orders_2024-02-02.csv"
    event = event_of(str(state.state_details.flow_run_id), "ingest-raw.schema-drift")
    assert event["payload"]["owner"] == "data-team@example.com"
    assert [change["kind"] for change in event["payload"]["changes"]] == ["required column missing"]


@on_rclone
def test_ingest_tells_that_the_contract_changed_and_reads_the_file_again(ingest: Any, s3: S3, folder: Path) -> None:
    (path,) = folder.iterdir()
    os.utime(path, (1_700_000_000, 1_700_000_000))
    ingest(folder, partition_date=DAY, contracts=ORDERS)
    changed = ORDERS.replace(' decimal: ","', " decimal: .")
    (outcome,) = ingest(folder, partition_date=DAY, contracts=changed).result().outcomes
    assert [change.text for change in outcome.drift if change.kind == "contract changed"] == [
        "the contract changed: read.decimal"
    ]
    assert "dtype changed" in {change.kind for change in outcome.drift}
    ingest(folder, partition_date=DAY, contracts=ORDERS)
    required = ORDERS + "    preço: {required: true}\n"
    (outcome,) = ingest(folder, partition_date=DAY, contracts=required, on_drift="reject").result().outcomes
    assert [change.text for change in outcome.drift] == ["the contract changed: columns.preço"]
    described = required.replace("owner:", "description: Orders\n  owner:")
    (outcome,) = ingest(folder, partition_date=DAY, contracts=described, on_drift="reject").result().outcomes
    assert (outcome.state, outcome.drift) == ("unchanged", ())


@on_moto
def test_ingest_encrypts_by_the_key_of_the_contract(ingest: Any, s3: S3, folder: Path) -> None:
    key = "12345678-1234-1234-1234-123456789012"
    (outcome,) = (
        ingest(folder, partition_date=DAY, contracts={"Orders": {"files": "*", "kms_key_id": key}}).result().outcomes
    )
    head = s3.client().head_object(Bucket=s3.bucket, Key=outcome.key)
    assert (head["ServerSideEncryption"], head["SSEKMSKeyId"]) == ("aws:kms", key)


@on_rclone
def test_ingest_dry_run_says_which_files_no_contract_claims(ingest: Any, s3: S3, folder: Path, caplog: Any) -> None:
    (folder / "other.csv").write_text("a\n1\n")
    contracts = {"Orders": {"files": "orders_*"}, "Idle": {}}
    ingest(folder, partition_date=DAY, contracts=contracts, dry_run=True)
    assert "No contract claims 1 file: other.csv" in caplog.text
    assert "Contracts that claim no file here: Idle" in caplog.text
