"""Drift on one file's way: what is told, what is kept out, and that all of it travels between processes."""

from __future__ import annotations

import pickle
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from flows.lake.models import ColumnProfile, FileOutcome, LastLanding, SourceFile
from flows.lake.raw import ingest_file
from flows.lake.raw.ingest_file import ProfiledFile, read_file, store_file
from flows.lake.raw.raw_layer import RawLayer
from flows.lake.raw.upload import upload_settled
from flows.lake.redact import guard_logs, unguard_logs
from tests.storage.conftest import Lake
from tests.tools.rules import landing_rules

KEY = "Raw/Local/CSV/F/2024/03/05/f.csv"
BEFORE = LastLanding(
    date(2024, 3, 4), 1, (ColumnProfile("a", "int64", 1),), "Manifests/2024/03/04/x.json", is_signed=True
)
on_rclone = pytest.mark.parametrize("s3", ["rclone"], indirect=True)


def landed(lake: Lake, path: Path, **rules: Any) -> FileOutcome:
    """Take a file through the lake as a worker process does, everything pickled on its way."""
    file = pickle.loads(
        pickle.dumps(SourceFile(path, "F", KEY, path.stat().st_size, landing_rules(**rules), before=BEFORE))
    )
    outcome = store_file(file, read_file(file), RawLayer(lake.whole))
    return pickle.loads(pickle.dumps(outcome))  # type: ignore[no-any-return]


@on_rclone
def test_store_file_that_drifted_lands_and_tells(lake: Lake, tmp_path: Path) -> None:
    (tmp_path / "f.csv").write_text("a\nx\n")
    outcome = landed(lake, tmp_path / "f.csv")
    assert outcome.state == "uploaded"
    assert [one.text for one in outcome.drift] == [
        "column 'a' changed from int64 to str (line 2, a: 'x' is not a number)"
    ]


@on_rclone
def test_store_file_that_drifted_is_rejected_with_its_profile(lake: Lake, tmp_path: Path) -> None:
    (tmp_path / "f.csv").write_text("a\nx\n")
    outcome = landed(lake, tmp_path / "f.csv", on_drift="reject")
    assert outcome.state == "rejected"
    assert outcome.profile is not None
    assert [one.kind for one in outcome.drift] == ["dtype changed"]
    assert lake.keys() == ["Quarantine/Local/CSV/F/2024/03/05/f.csv"]
    assert "on_drift=warn" in outcome.reason


@on_rclone
def test_store_file_that_did_not_drift_lands_whatever_is_asked(lake: Lake, tmp_path: Path) -> None:
    (tmp_path / "f.csv").write_text("a\n2\n")
    outcome = landed(lake, tmp_path / "f.csv", on_drift="reject")
    assert (outcome.state, outcome.drift) == ("uploaded", ())


@on_rclone
def test_store_file_that_drifted_while_it_was_written_is_rejected(
    lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "f.csv"
    path.write_text("a\n2\n")
    file = SourceFile(path, "F", KEY, 4, landing_rules(on_drift="reject"), before=BEFORE)
    read: ProfiledFile = read_file(file)
    path.write_text("a\nhalf a line more\n")
    monkeypatch.setitem(upload_settled.__kwdefaults__, "pause_s", 0.0)
    outcome = ingest_file.store_file(file, read, RawLayer(lake.whole))
    assert outcome.state == "rejected"
    assert "column 'a' changed from int64 to str" in outcome.reason
    assert lake.keys("Raw/") == []


@on_rclone
def test_store_file_whose_drift_quotes_a_secret_masks_it(lake: Lake, tmp_path: Path) -> None:
    (tmp_path / "f.csv").write_text("a\nwJalrXUtnFEMI\n")
    guard_logs(["wJalrXUtnFEMI"])
    try:
        outcome = landed(lake, tmp_path / "f.csv", on_drift="reject")
    finally:
        unguard_logs()
    assert "'********' is not a number" in outcome.reason
    assert "wJalrXUtnFEMI" not in repr((outcome.reason, outcome.drift))
