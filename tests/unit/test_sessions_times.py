"""S3's times are read without a guess at their form."""

from __future__ import annotations

from datetime import UTC, datetime

import boto3
import pytest
from pydantic import SecretStr

from blocks.lake_credentials import LakeCredentials
from blocks.sessions import read_times_quickly

WHEN = datetime(2024, 3, 5, 6, 7, 8, tzinfo=UTC)


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
    session = LakeCredentials(aws_access_key_id="key", aws_secret_access_key=SecretStr("secret")).get_boto3_session()
    monkeypatch.setattr("dateutil.parser.parse", None)
    parser = session._session.get_component("response_parser_factory").create_parser("rest-xml")
    assert parser._timestamp_parser("2024-03-05T06:07:08.000Z") == WHEN
