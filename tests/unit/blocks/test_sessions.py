"""What the sessions of blocks read: S3's times without a guess at their form, a service's description once."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.loaders import JSONFileLoader
from pydantic import SecretStr

from blocks.lake_credentials import LakeCredentials
from blocks.sessions import read_times_quickly

WHEN = datetime(2024, 3, 5, 6, 7, 8, tzinfo=UTC)


def block() -> LakeCredentials:
    return LakeCredentials(aws_access_key_id="key", aws_secret_access_key=SecretStr("secret"), region_name="us-east-1")


@pytest.mark.parametrize(
    "text", ["2024-03-05T06:07:08Z", "2024-03-05T06:07:08.000Z", "Tue, 05 Mar 2024 06:07:08 GMT", "1709618828"]
)
def test_read_times_quickly_every_form_that_s3_writes_is_the_same_moment(text: str) -> None:
    session = boto3.Session()
    read_times_quickly(session)
    parser = session._session.get_component("response_parser_factory").create_parser("rest-xml")
    read = parser._timestamp_parser(text)
    assert read == WHEN
    assert read.utcoffset().total_seconds() == 0


def test_block_s_sessions_leave_iso_times_to_python(monkeypatch: pytest.MonkeyPatch) -> None:
    session = block().get_boto3_session()
    monkeypatch.setattr("dateutil.parser.parse", None)
    parser = session._session.get_component("response_parser_factory").create_parser("rest-xml")
    assert parser._timestamp_parser("2024-03-05T06:07:08.000Z") == WHEN


def test_clients_of_several_blocks_read_a_service_s_description_once(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    load_file = JSONFileLoader.load_file

    def noting(self: JSONFileLoader, path: str) -> Any:
        read.append(path)
        return load_file(self, path)

    monkeypatch.setattr(JSONFileLoader, "load_file", noting)
    monkeypatch.setenv("AWS_DATA_PATH", "~/.aws/of-this-test")  # no other test's descriptions
    block().get_s3_client()
    assert any("service-2" in path for path in read)
    read.clear()
    block().get_s3_client()
    assert read == []


def test_descriptions_of_a_user_s_own_are_found_after_a_session_without_them(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert "own-service" not in block().get_boto3_session().get_available_services()
    folder = tmp_path / "own-service" / "2020-01-01"
    folder.mkdir(parents=True)
    (folder / "service-2.json").write_text("{}")
    monkeypatch.setenv("AWS_DATA_PATH", str(tmp_path))
    assert "own-service" in block().get_boto3_session().get_available_services()
