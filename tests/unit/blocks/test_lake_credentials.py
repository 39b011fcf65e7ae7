import copy
import json
import os
import pickle
import re
from collections.abc import Iterator
from pathlib import Path

import cloudpickle
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from prefect.serializers import JSONSerializer
from prefect.testing.standard_test_suites import BlockStandardTestSuite
from pydantic import SecretStr, ValidationError

import blocks
from blocks import LakeCredentials
from blocks.sessions import merged_config
from flows.lake import errors
from flows.lake.redact import unguard_logs
from flows.lake.s3.client import is_aws

KEY_ID, SECRET, TOKEN = "AKIAMARKER", "marker/secret+access=key", "marker/session+token=="


@pytest.fixture(autouse=True)
def _no_aws_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    for name in list(os.environ):
        if name.startswith("AWS_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    yield
    unguard_logs()


def temporary(**more: object) -> LakeCredentials:
    return LakeCredentials(aws_access_key_id=KEY_ID, aws_secret_access_key=SECRET, aws_session_token=TOKEN, **{**more})


class TestLakeCredentialsIsAStandardBlock(BlockStandardTestSuite):
    @pytest.fixture
    def block(self) -> type[LakeCredentials]:
        return LakeCredentials

    def test_fields_of_the_form_are_all_described_also_nested_ones(self, block: type[LakeCredentials]) -> None:
        schema = block.model_json_schema()
        models = [schema, *schema["definitions"].values()]

        undescribed = [
            name for model in models for name, field in model["properties"].items() if not field["description"]
        ]

        assert undescribed == []

    def test_has_a_valid_image(self, block: type[LakeCredentials]) -> None:
        """The suite's own check downloads the image; its address tells the size, as that server names its files."""
        width, height = re.search(r"-(\d+)x(\d+)\.png$", str(block._logo_url)).groups()

        assert width == height
        assert 45 < int(width) < 1000

    def test_block_has_a_name_an_icon_and_secret_fields(self, block: type[LakeCredentials]) -> None:
        schema = block.model_json_schema()

        assert block.get_block_type_name() == "Lake Credentials"
        assert block.get_block_type_slug() == "lake-credentials"
        assert str(block._logo_url).startswith("https://")
        assert set(schema["secret_fields"]) == {"aws_secret_access_key", "aws_session_token"}


def test_blocks_package_exports_one_block_type() -> None:
    assert blocks.__all__ == ["LakeCredentials"]
    exported = [name for name in vars(blocks) if name.endswith("Credentials")]
    assert exported == ["LakeCredentials"]


@pytest.mark.parametrize(
    "shown",
    [
        repr,
        str,
        lambda block: block.model_dump_json(),
        lambda block: str(block.model_dump()),
        lambda block: JSONSerializer().dumps(block).decode(),
        lambda block: str(vars(block)),
        lambda block: repr(block._shared),
    ],
)
def test_block_shown_in_any_way_masks_secret_key_and_token(shown) -> None:
    block = temporary()
    block.get_s3_client()

    text = shown(block)

    assert SECRET not in text
    assert TOKEN not in text


@pytest.mark.parametrize("dumps", [pickle.dumps, cloudpickle.dumps])
def test_block_pickled_is_refused_so_that_it_cannot_travel_in_results(dumps) -> None:
    with pytest.raises(TypeError, match="pass the block's name"):
        dumps(temporary())


def test_block_copied_is_equal_and_shares_no_session() -> None:
    block = temporary()
    block.get_s3_client()

    twin = copy.deepcopy(block)

    assert twin == block
    assert twin._shared.credentials is None


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"aws_access_key_id": KEY_ID}, "two halves"),
        ({"aws_secret_access_key": SECRET}, "two halves"),
        ({"aws_session_token": TOKEN}, "belongs to an access key"),
        ({"aws_access_key_id": KEY_ID, "aws_secret_access_key": SECRET, "profile_name": "p"}, "not both"),
        ({"aws_client_parameters": {"endpoint_url": f"http://me:{SECRET}@h"}}, "stored in clear"),
        ({"aws_client_parameters": {"config": {"proxies": {"https": f"http://me:{SECRET}@h"}}}}, "stored in clear"),
        ({"aws_secret_access_key": SECRET, "region_name": 5}, "string"),
        ({"browse_url": "javascript:alert(1)"}, "must begin with https"),
        ({"browse_url": f"https://me:{SECRET}@minio.example"}, "take the part before @ out"),
    ],
)
def test_block_with_fields_that_do_not_fit_is_refused_without_showing_secrets(fields: dict, told: str) -> None:
    with pytest.raises(ValidationError, match=told) as refused:
        LakeCredentials(**fields)

    assert SECRET not in str(refused.value)
    assert TOKEN not in str(refused.value)


def test_block_with_pasted_blanks_and_empty_form_fields_is_tidied() -> None:
    block = LakeCredentials(
        aws_access_key_id=f" {KEY_ID}\n",
        aws_secret_access_key=SecretStr(f"{SECRET}\n"),
        aws_session_token="",
        profile_name=" ",
        region_name="",
    )

    assert block.aws_access_key_id == KEY_ID
    assert block.secret_values() == (SECRET,)
    assert block.aws_session_token is None
    assert block.profile_name is None
    assert block.region_name is None


def test_secret_values_hold_key_and_token_and_no_public_value() -> None:
    assert temporary(region_name="sa-east-1").secret_values() == (SECRET, TOKEN)
    assert LakeCredentials().secret_values() == ()


def test_get_s3_client_uses_keys_token_and_region_of_the_block() -> None:
    client = temporary(region_name="sa-east-1").get_s3_client()

    used = client._request_signer._credentials.get_frozen_credentials()
    assert (used.access_key, used.secret_key, used.token) == (KEY_ID, SECRET, TOKEN)
    assert client.meta.region_name == "sa-east-1"
    assert client.meta.endpoint_url == "https://s3.sa-east-1.amazonaws.com"


def test_get_s3_client_twice_returns_two_clients_with_one_set_of_credentials() -> None:
    block = temporary()

    first, second = block.get_s3_client(), block.get_s3_client()

    assert first is not second
    assert first._request_signer._credentials is second._request_signer._credentials


def test_get_s3_client_custom_endpoint_is_path_style_and_needs_no_region() -> None:
    client = temporary(aws_client_parameters={"endpoint_url": "http://127.0.0.1:9"}).get_s3_client()

    assert client.meta.config.s3["addressing_style"] == "path"
    assert client.generate_presigned_url("get_object", Params={"Bucket": "b", "Key": "k"}).startswith(
        "http://127.0.0.1:9/b/k?"
    )


def test_get_s3_client_address_of_aws_itself_keeps_its_addressing_and_sts() -> None:
    address = "https://bucket.vpce-1.s3.sa-east-1.vpce.amazonaws.com"
    block = temporary(region_name="sa-east-1", aws_client_parameters={"endpoint_url": address})

    assert "addressing_style" not in (block.get_s3_client().meta.config.s3 or {})
    assert block.get_s3_client().meta.endpoint_url == address
    assert block.get_client("sts").meta.endpoint_url == "https://sts.sa-east-1.amazonaws.com"


def test_get_s3_client_merges_configs_and_the_block_wins() -> None:
    block = temporary(
        aws_client_parameters={
            "endpoint_url": "http://127.0.0.1:9",
            "config": {"read_timeout": 7, "s3": {"payload_signing_enabled": True}, "retries": {"mode": "adaptive"}},
        }
    )

    config = block.get_s3_client(
        Config(read_timeout=1, max_pool_connections=33, retries={"max_attempts": 9})
    ).meta.config

    assert config.read_timeout == 7
    assert config.max_pool_connections == 33
    assert config.s3 == {"addressing_style": "path", "payload_signing_enabled": True}
    assert config.retries == {"mode": "adaptive", "total_max_attempts": 10}


def test_get_s3_client_unsigned_config_stays_unsigned() -> None:
    block = temporary(aws_client_parameters={"config": {"signature_version": "unsigned"}})

    assert block.get_s3_client().meta.config.signature_version is UNSIGNED


def test_get_s3_client_missing_profile_says_so_and_how_to_renew() -> None:
    with pytest.raises(errors.CredentialsMissing, match=r"nobody.*python -m blocks\.register"):
        LakeCredentials(profile_name="nobody").get_s3_client()


def test_get_s3_client_without_any_credentials_says_so() -> None:
    with pytest.raises(errors.CredentialsMissing, match="this machine has no role"):
        LakeCredentials(region_name="us-east-1").get_s3_client()


def test_explain_names_block_answer_and_command_and_is_said_once() -> None:
    block = temporary()
    block._block_document_name = "lake"
    error = errors.CredentialsExpired("S3 answered ExpiredToken while uploading.", remedy="Renew.", bucket="b", key="k")

    told = block.explain(error)

    assert str(told) == (
        "The credentials block 'lake' cannot be used: S3 answered ExpiredToken while uploading. "
        "Renew it with `python -m blocks.register --name lake --overwrite` and start the run again."
    )
    assert (type(told), told.bucket, told.key) == (errors.CredentialsExpired, "b", "k")
    assert block.explain(told) is told


def test_explain_wrong_clock_keeps_its_own_remedy() -> None:
    error = errors.ClockSkewed("S3 answered RequestTimeTooSkewed.", remedy="Set this machine's clock (NTP).")

    assert temporary().explain(error) is error


@pytest.mark.parametrize(
    ("address", "aws"),
    [
        (None, True),
        ("https://s3.sa-east-1.amazonaws.com", True),
        ("https://s3.cn-north-1.amazonaws.com.cn", True),
        ("https://minio.example.com", False),
        ("https://amazonaws.com.example.com", False),
        ("https://notamazonaws.com", False),
        ("http://127.0.0.1:9000", False),
    ],
)
def test_is_aws_knows_the_hosts_of_aws(address: str | None, aws: bool) -> None:
    assert is_aws(address) is aws


def test_merged_config_nothing_given_is_an_empty_config() -> None:
    assert merged_config(None, None)._user_provided_options == {}


def test_block_schema_default_of_every_field_is_empty() -> None:
    assert json.loads(LakeCredentials().model_dump_json(exclude_none=True)).get("region_name") is None
