"""Contracts suggested for a folder in S3, with boto3's own credentials."""

from __future__ import annotations

import os
import random
from pathlib import Path

import boto3
import pytest

from flows.lake.contracts.collection import load
from flows.suggest import main
from tests.conftest import fresh_bucket_name
from tests.tools.sensitive_data import a_cpf
from tests.tools.servers import S3Server

CPFS = [a_cpf(random.Random(seed)) for seed in range(40)]


@pytest.fixture
def folder(moto: S3Server, monkeypatch: pytest.MonkeyPatch) -> str:
    """A folder with a file a day, and the environment in which boto3 finds its server and keys."""
    bucket, client = fresh_bucket_name(), moto.client()
    client.create_bucket(Bucket=bucket)
    for day in ("01", "02", "03"):
        body = "id;cpf;valor\n" + "".join(f"{day};{cpf};1,5\n" for cpf in CPFS)
        client.put_object(Bucket=bucket, Key=f"drop/vendas_2024-01-{day}.csv", Body=body.encode("cp1252"))
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_ENDPOINT_URL", moto.endpoint_url)
    return f"s3://{bucket}/drop"


@pytest.fixture
def keys(folder: str, moto: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    assert folder
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", moto.access_key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", moto.secret_key)


@pytest.mark.usefixtures("keys")
def test_suggest_for_a_folder_in_s3_says_what_a_run_takes(
    folder: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([folder, "--output", str(tmp_path / "datasets.yaml")]) == 0, capsys.readouterr().err
    text = (tmp_path / "datasets.yaml").read_text("utf-8")
    (contract,) = load(text).values()
    assert contract.files == ("vendas_[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]",)
    assert contract.date == "%Y-%m-%d"
    assert "  # columns:\n  #   cpf:\n  #     mask: hash\n" in text
    assert not any(cpf in text for cpf in CPFS)


@pytest.mark.usefixtures("keys")
@pytest.mark.parametrize("where", ["s3://no-such-bucket-here/drop", "{folder}/nothing"])
def test_suggest_for_what_is_not_there_says_so(folder: str, where: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([where.format(folder=folder)]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert where.format(folder=folder).split("/")[2] in said.err


@pytest.mark.parametrize("profile", [None, "nobody"])
def test_suggest_without_credentials_says_what_to_do(
    folder: str, profile: str | None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    if profile:
        monkeypatch.setenv("AWS_PROFILE", profile)
    assert main([folder]) == 1
    said = capsys.readouterr().err
    assert "where boto3 finds them" in said
    assert "make block" not in said
