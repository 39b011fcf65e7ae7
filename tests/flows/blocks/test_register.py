"""`python -m blocks.register` (`make block`): where the values come from, what is checked, what is stored and said."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest
from prefect.client.orchestration import get_client
from prefect.settings import PREFECT_API_URL, temporary_settings
from pydantic import SecretStr

from blocks import register, server
from blocks.loading import load_credentials
from flows.lake import errors
from tests.tools.servers import S3Server

TOKEN = "prompted-session-token"


@pytest.fixture(autouse=True)
def _empty_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("AWS_") and "CONFIG" not in name and "SHARED" not in name and "METADATA" not in name:
            monkeypatch.delenv(name)


def keys_of(server: S3Server, monkeypatch: pytest.MonkeyPatch, **changes: str) -> None:
    given = {
        "AWS_ACCESS_KEY_ID": server.access_key,
        "AWS_SECRET_ACCESS_KEY": server.secret_key,
        "AWS_ENDPOINT_URL": server.endpoint_url,
    }
    for name, value in (given | changes).items():
        monkeypatch.setenv(name, value)


def stored_names() -> set[str]:
    with get_client(sync_client=True) as client:
        return {block.name or "" for block in client.read_block_documents(include_secrets=False)}


def test_register_from_the_environment_checks_stores_and_says_where_it_can_be_seen(
    rclone: S3Server, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    keys_of(rclone, monkeypatch)

    assert register.main(["--name", "from-environment", "--region", "sa-east-1"]) == 0

    said = capsys.readouterr().out
    assert f"The credentials work: access key {rclone.access_key} at {rclone.endpoint_url}" in said
    assert "These credentials do not expire." in said
    assert "/blocks/block/" in said
    assert "credentials='from-environment'" in said
    assert rclone.secret_key not in said
    block = load_credentials("from-environment")
    assert block.secret_values() == (rclone.secret_key,)
    assert block.region_name == "sa-east-1"


def test_register_of_keys_that_are_refused_stores_nothing(
    rclone: S3Server, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    keys_of(rclone, monkeypatch, AWS_SECRET_ACCESS_KEY="not-its-secret")

    assert register.main(["--name", "refused"]) == 1

    said = capsys.readouterr().err
    assert "SignatureDoesNotMatch" in said
    assert "not-its-secret" not in said
    assert "refused" not in stored_names()


def test_register_over_a_block_wants_to_be_asked_for_it(
    moto: S3Server, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    keys_of(moto, monkeypatch)
    assert register.main(["--name", "twice"]) == 0
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "its-next-secret")

    assert register.main(["--name", "twice"]) == 2
    assert "--overwrite" in capsys.readouterr().err
    assert load_credentials("twice").secret_values() == (moto.secret_key,)

    assert register.main(["--name", "twice", "--overwrite"]) == 0
    assert load_credentials("twice").secret_values() == ("its-next-secret",)


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        ({}, "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY"),
        ({"AWS_ACCESS_KEY_ID": "AKIA1"}, "AWS_SECRET_ACCESS_KEY"),
        ({"AWS_ACCESS_KEY_ID": "ASIA1", "AWS_SECRET_ACCESS_KEY": "s" * 20}, "AWS_SESSION_TOKEN"),
        ({"AWS_ACCESS_KEY_ID": "AKIA1", "AWS_SECRET_ACCESS_KEY": "s" * 20}, "AWS_REGION"),
    ],
)
def test_register_without_a_terminal_names_what_is_missing_and_asks_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], given: dict[str, str], missing: str
) -> None:
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(register, "_ask", lambda *_, **__: pytest.fail("it asked"))

    assert register.main(["--name", "incomplete", "--non-interactive"]) == 2

    assert f"Missing in the environment: {missing}." in capsys.readouterr().err
    assert "incomplete" not in stored_names()


def test_gather_at_a_terminal_asks_for_all_keys_and_takes_no_half_from_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[tuple[str, bool]] = []

    def answer(what: str, *, secret: bool) -> str:
        asked.append((what, secret))
        return {"AWS access key ID": "ASIAPROMPT", "AWS secret access key": "prompted-secret"}.get(
            what, "" if "region" in what else TOKEN
        )

    monkeypatch.setattr(register, "_ask", answer)
    options = register._parser().parse_args([])

    block = register.gather(options, {"AWS_ACCESS_KEY_ID": "AKIAHALF", "AWS_SESSION_TOKEN": "of-somebody"}, True)

    assert block.secret_values() == ("prompted-secret", TOKEN)
    assert block.region_name == "us-east-1"
    assert [secret for _, secret in asked] == [True, True, True, False]


def test_gather_of_a_profile_stores_its_name_and_no_secret() -> None:
    options = register._parser().parse_args(["--role-arn", "arn:aws:iam::1:role/lake", "--external-id", "partner-7"])

    block = register.gather(options, {"AWS_PROFILE": "lake"}, interactive=False)

    assert (block.profile_name, block.assume_role_arn) == ("lake", "arn:aws:iam::1:role/lake")
    assert block.assume_role_kwargs.ExternalId == "partner-7"
    assert block.secret_values() == ()


def test_gather_takes_keys_before_a_profile_and_keeps_when_they_end() -> None:
    environ = {
        "AWS_PROFILE": "lake",
        "AWS_ACCESS_KEY_ID": "ASIA1",
        "AWS_SECRET_ACCESS_KEY": "s" * 20,
        "AWS_SESSION_TOKEN": TOKEN,
        "AWS_CREDENTIAL_EXPIRATION": "2030-01-02T03:04:05+00:00",
        "AWS_DEFAULT_REGION": "sa-east-1",
    }

    block = register.gather(register._parser().parse_args([]), environ, interactive=False)

    assert block.profile_name is None
    assert block.aws_session_token == SecretStr(TOKEN)
    assert block.aws_session_expires is not None
    assert block.aws_session_expires.isoformat() == "2030-01-02T03:04:05+00:00"


def test_gather_of_a_machine_role_stores_no_key_and_the_endpoint_with_its_ca_bundle(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("of the endpoint")
    options = register._parser().parse_args(
        ["--machine-role", "--endpoint-url", "https://minio:9000", "--ca-bundle", str(tmp_path / "ca.pem")]
    )

    block = register.gather(options, {}, interactive=False)

    assert block.aws_access_key_id is None
    assert block.endpoint_url == "https://minio:9000"
    assert block.aws_client_parameters.verify_cert_path == tmp_path / "ca.pem"


def test_gather_of_values_that_do_not_fit_says_why_and_shows_none() -> None:
    options = register._parser().parse_args(["--endpoint-url", "https://me:hidden-password@minio"])
    environ = {"AWS_ACCESS_KEY_ID": "AKIA1", "AWS_SECRET_ACCESS_KEY": "s" * 20}

    with pytest.raises(errors.SettingsError, match="stored in clear") as refused:
        register.gather(options, environ, interactive=False)

    assert "hidden-password" not in str(refused.value)


@pytest.mark.parametrize("name", ["Upper", "under_score", "two--dashes", ""])
def test_register_under_a_name_that_prefect_refuses_says_which_it_takes(
    capsys: pytest.CaptureFixture[str], name: str
) -> None:
    assert register.main(["--name", name]) == 2
    assert "lower-case letters, digits and dashes" in capsys.readouterr().err


def test_register_without_a_server_says_how_to_start_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        monkeypatch.setattr(server, "LOCAL_API", f"http://127.0.0.1:{taken.getsockname()[1]}/api")
        with temporary_settings(restore_defaults={PREFECT_API_URL}):
            assert register.main(["--name", "nowhere"]) == 2

    assert "make up" in capsys.readouterr().err


def test_register_takes_no_secret_from_the_command_line() -> None:
    options = {option for action in register._parser()._actions for option in action.option_strings}

    assert not [option for option in options if "secret" in option or "token" in option or "key" in option]
