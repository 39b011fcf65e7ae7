"""`docker run` by hand: what it says before it begins. A whole run of it is in tests/system/test_production.py."""

from __future__ import annotations

import pytest

from deployments import once


def test_run_without_a_server_ends_with_2_and_names_the_variable(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    assert once.main([]) == 2
    assert "PREFECT_API_URL" in capsys.readouterr().err


def test_options_are_parameters_of_the_flow() -> None:
    from flows.ingest_raw import ingest_raw

    known = set(ingest_raw.parameters.properties)
    assert set(vars(once._parser().parse_args([]))) <= known
