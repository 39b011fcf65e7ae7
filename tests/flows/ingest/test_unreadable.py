"""Files that cannot be read as CSV, and rows that cannot: what becomes of them, and what remembers it."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from flows.lake.errors import SettingsError
from tests.conftest import S3
from tests.flows.conftest import log_of, objects
from tests.flows.ingest.test_manifest import manifests_of, on_rclone

DAY, NEXT = date(2024, 3, 5), date(2024, 3, 6)
RAGGED = "a,b\n1,2\n1,2,3,4\n"
KEY = "Raw/Local/CSV/Ragged/2024/03/05/ragged.csv"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "ragged.csv").write_text(RAGGED)
    (tmp_path / "good.csv").write_text("a,b\n1,2\n")
    return tmp_path


@on_rclone
def test_unreadable_file_is_kept_in_quarantine_by_default(ingest: Any, s3: S3, folder: Path) -> None:
    assert ingest(folder, partition_date=DAY).is_failed()
    assert list(objects(s3, "Quarantine/")) == ["Quarantine/Local/CSV/Ragged/2024/03/05/ragged.csv"]
    assert KEY not in objects(s3, "Raw/")


@on_rclone
def test_unreadable_file_lands_all_the_same_if_somebody_decides_so(ingest: Any, s3: S3, folder: Path) -> None:
    summary = ingest(folder, partition_date=DAY, unreadable="land").result()
    assert objects(s3, "Raw/")[KEY] == RAGGED.encode()
    assert not objects(s3, "Quarantine/")
    (outcome,) = [outcome for outcome in summary.outcomes if outcome.path.name == "ragged.csv"]
    assert (outcome.state, outcome.profile) == ("uploaded", None)
    (file,) = [file for file in next(iter(manifests_of(s3).values())).files if file.name == "ragged.csv"]
    assert (file.outcome, file.rows) == ("uploaded", None)
    assert "4 fields where 2 are expected" in str(file.reason)
    again = ingest(folder, partition_date=DAY, unreadable="land").result()
    assert [outcome.state for outcome in again.outcomes] == ["unchanged", "unchanged"]


@on_rclone
def test_unreadable_file_is_left_where_it_is(ingest: Any, s3: S3, folder: Path) -> None:
    contracts = {"Ragged": {"unreadable": "leave"}}
    assert ingest(folder, partition_date=DAY, contracts=contracts).is_failed()
    assert not objects(s3, "Quarantine/")
    assert (folder / "ragged.csv").read_text() == RAGGED


def test_the_parameter_of_before_says_what_to_give() -> None:
    from flows.ingest_raw import ingest_raw

    with pytest.raises(SettingsError, match=r"quarantine is replaced by unreadable. Give unreadable=leave."):
        ingest_raw.validate_parameters({"quarantine": False})


@on_rclone
def test_file_with_a_bad_row_lands_with_a_warning_and_its_recipe_in_the_manifest(
    ingest: Any, s3: S3, tmp_path: Path, caplog: Any
) -> None:
    rows = [f"{n};{n},5\n" for n in range(200)]
    rows[100] = "100;1,5;too much\n"
    path = tmp_path / "orders.csv"
    path.write_text("Report\nid;total\n" + "".join(rows))
    (outcome,) = ingest(tmp_path, partition_date=DAY).result().outcomes
    assert (outcome.state, outcome.profile.rows, outcome.profile.bad_rows) == ("uploaded", 199, 1)
    (file,) = next(iter(manifests_of(s3).values())).files
    assert [(row.line, row.reason) for row in file.bad] == [(103, "3 fields where 2 are expected")]
    frame = pd.read_csv(path, **file.recipe)
    assert (len(frame), list(frame.columns)) == (199, ["id", "total"])
    assert "1 row is left out: line 103: 3 fields where 2 are expected." in log_of(s3)
    path.write_text("id;total\n" + "".join(rows[:100]) * 2)
    (outcome,) = ingest(tmp_path, partition_date=NEXT).result().outcomes
    assert outcome.state == "uploaded"
