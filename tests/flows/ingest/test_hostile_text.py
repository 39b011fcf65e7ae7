"""Hostile text on its way through a run: nothing is lost, nothing is interpreted, and what is shown is visible."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import S3
from tests.flows.conftest import artifacts_of, event_of, log_of, logs_of, objects
from tests.unit.lake.test_words import hidden

DAY = date(2024, 3, 5)
Ingest = Callable[..., Any]
HOSTILE_COLUMN = "\x1b[2J\u202e![x](http://evil.example/x)<img src=x>{{ flow_run.id }}|`"


def told(run_id: str) -> list[str]:
    """Return every text of a run's artifacts."""
    return [text for one in artifacts_of(run_id) for text in (one.description or "", str(one.data))]


@pytest.mark.parametrize("s3", ["rclone"], indirect=True)
def test_file_whose_name_is_not_utf8_costs_the_others_nothing(ingest: Ingest, s3: S3, tmp_path: Path) -> None:
    (tmp_path / "good.csv").write_text("a,b\n1,2\n")
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/bad\xff\xfe.csv")).write_text("a,b\n1,2\n")
    state = ingest(tmp_path, partition_date=DAY)
    assert state.is_failed()
    assert "bad\\udcff\\udcfe.csv (failed): the file's name holds bytes that are not UTF-8" in state.message
    assert list(objects(s3, "Raw/")) == ["Raw/Local/CSV/Good/2024/03/05/good.csv"]
    run_id = str(state.state_details.flow_run_id)
    assert [one for one in artifacts_of(run_id) if one.key.startswith("ingest-raw-")]
    assert any("bad\\udcff\\udcfe.csv" in line for line in logs_of(state))
    assert "bad\\udcff\\udcfe.csv" in log_of(s3)


@pytest.mark.parametrize("own_tasks_up_to", [100, 0])
@pytest.mark.parametrize("s3", ["rclone"], indirect=True)
def test_hostile_names_and_columns_are_visible_in_every_outlet(
    ingest: Ingest, s3: S3, tmp_path: Path, own_tasks_up_to: int
) -> None:
    names = [
        "a\u202egpj.csv",
        "{{ flow.name }} ![x](http:) <b>`|.csv",
        "x" * 200 + ".csv",
        "d\u00a0e\u3000f\u200dg.csv",
    ]
    given: dict[str, Any] = {"own_tasks_up_to": own_tasks_up_to, "contracts": {"All {{ flow.name }}": {"files": "*"}}}
    for name in names:
        (tmp_path / name).write_text(f'"{HOSTILE_COLUMN}",b\n1,2\n')
    first = ingest(tmp_path, partition_date=DAY, **given)
    assert first.is_completed(), first.message
    for name in names:
        (tmp_path / name).write_text('"other",b\n"\x1b]0;t\x07",2\n')
    second = ingest(tmp_path, partition_date=date(2024, 3, 6), **given)
    assert len([key for key in objects(s3, "Raw/") if "/05/" in key]) == len(names)
    for state in (first, second):
        run_id = str(state.state_details.flow_run_id)
        texts = [state.message, *logs_of(state), *told(run_id)]
        assert not [text for text in texts if hidden(text) - {"\n", "\t"}]
        assert not [text for text in told(run_id) if "<img src=x>" in text or "![x](" in text]
    event = event_of(str(second.state_details.flow_run_id), "ingest-raw.schema-drift")
    assert not hidden(str(event["payload"]))
    for body in objects(s3, "Logs/").values():
        assert not hidden(body.decode()) - {"\n", "\t"}
