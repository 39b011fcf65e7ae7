"""A block's schema is made once, and is its caller's own."""

from __future__ import annotations

from typing import Any

import pytest
from prefect_aws.credentials import AwsCredentials

from blocks import LakeCredentials


def test_schema_is_made_once_and_a_caller_may_change_it(monkeypatch: pytest.MonkeyPatch) -> None:
    told = LakeCredentials.model_json_schema(by_alias=False)
    made: list[Any] = []
    monkeypatch.setattr(AwsCredentials, "model_json_schema", classmethod(lambda *given, **more: made.append(given)))
    told["properties"].clear()
    again = LakeCredentials.model_json_schema(by_alias=False)
    assert {"aws_access_key_id", "browse_url"} <= set(again["properties"])
    assert not made
