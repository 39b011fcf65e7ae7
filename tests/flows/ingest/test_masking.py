"""Errors that nobody expected, with a secret in their text, which Prefect would make the state of the run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from prefect.client.orchestration import get_client

from flows.lake.redact import MASK
from tests.conftest import S3

SAMPLE = Path(__file__).parents[3] / "data/sample"


@pytest.mark.parametrize("where", ["flows.lake.s3.listing.list_bucket", "flows.ingest.tasks.find_files"])
def test_unexpected_error_with_a_secret_in_its_text_is_masked_in_every_state(
    ingest: Callable[..., Any], s3: S3, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, where: str
) -> None:
    secret = s3.server.secret_key

    def fails(*_: Any, **__: Any) -> Any:
        raise RuntimeError(f"signed with {secret}")

    monkeypatch.setattr(where, fails)

    state = ingest(SAMPLE)

    assert state.is_failed()
    assert f"RuntimeError: signed with {MASK}" in state.message
    assert secret not in caplog.text
    assert "Traceback" in caplog.text
    with get_client(sync_client=True) as client:
        run = client.read_flow_run(state.state_details.flow_run_id)
        assert run.state is not None
        assert secret not in str(run.state.message)


def test_unexpected_error_without_a_secret_is_left_to_prefect(
    ingest: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: Any, **__: Any) -> Any:
        raise RuntimeError("innocent")

    monkeypatch.setattr("flows.ingest.tasks.find_files", fails)

    state = ingest(SAMPLE)

    assert state.is_failed()
    assert "Flow run encountered an exception: RuntimeError: innocent" in state.message
