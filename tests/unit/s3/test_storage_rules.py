"""What S3 takes as tags, account, storage class and KMS key is known before any call."""

from __future__ import annotations

from typing import Any

import pytest

from flows.lake.errors import SettingsError
from tests.tools.rules import settings

UUID = "1234abcd-12ab-34cd-56ef-1234567890ab"


@pytest.mark.parametrize(
    "changes",
    [
        {"tags": {f"name{number}": "v" for number in range(10)}},
        {"tags": {"n" * 128: "v" * 256, "equipe dados+x=y:/@_-.": ""}},
        {"expected_bucket_owner": "012345678901"},
        {"expected_bucket_owner": "{account}"},
        {"storage_class": "INTELLIGENT_TIERING"},
        {"kms_key_id": UUID},
        {"kms_key_id": "mrk-1234abcd12ab34cd56ef1234567890ab"},
        {"kms_key_id": "alias/lake"},
        {"kms_key_id": f"arn:aws:kms:sa-east-1:123456789012:key/{UUID}"},
        {"kms_key_id": "arn:aws-cn:kms:cn-north-1:123456789012:alias/lake"},
    ],
)
def test_storage_settings_that_s3_takes_are_taken(changes: dict[str, Any]) -> None:
    settings(**changes)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"tags": {f"name{number}": "v" for number in range(11)}}, "11 of them; S3 takes 10"),
        ({"tags": {"": "v"}}, "0 characters; S3 takes 1 to 128"),
        ({"tags": {"n" * 129: "v"}}, "129 characters; S3 takes 1 to 128"),
        ({"tags": {"team": "v" * 257}}, "257 characters; S3 takes 256"),
        ({"tags": {"AWS:team": "v"}}, "aws:, which is reserved"),
        ({"tags": {"team": "a&b"}}, "'team' holds '&'"),
        ({"tags": {"team": "a\nb"}}, r"'team' holds '\n'"),
        ({"expected_bucket_owner": "12345678901"}, "12 digits"),
        ({"expected_bucket_owner": "1234-5678-9012"}, "12 digits"),
        ({"expected_bucket_owner": "١٢٣٤٥٦٧٨٩٠١٢"}, "12 digits"),
        ({"storage_class": "DEEP_ARCHIVE"}, "'DEEP_ARCHIVE' is not one of STANDARD, "),
        ({"kms_key_id": "lake"}, "alias/…"),
        ({"kms_key_id": f"arn:aws:s3:sa-east-1:123456789012:key/{UUID}"}, "alias/…"),
    ],
)
def test_storage_settings_that_s3_refuses_are_named(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(SettingsError, match="parameter is wrong") as caught:
        settings(**changes)
    assert said in str(caught.value)
