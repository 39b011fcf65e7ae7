"""Whose credentials `land` takes, and what is left of them in the environment."""

from __future__ import annotations

import argparse
import getpass
import pickle
import warnings
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from blocks.identity import Identity
from deployments.land import credentials
from deployments.land.words import Words
from flows.lake.errors import CredentialsMissing, SettingsError

ENGLISH, PORTUGUESE = Words({}), Words({"LANG": "pt_BR.UTF-8"})
SECRET, TOKEN = "marker-secret-value-1", "marker-token-value-1"


def gather(environ: dict[str, str], *, interactive: bool = False, words: Words = ENGLISH, **given: Any) -> Any:
    names = ("profile", "role_arn", "external_id", "region", "endpoint_url", "ca_bundle")
    options = argparse.Namespace(**(dict.fromkeys(names) | given))
    return credentials.gather(options, credentials.taken_out_of(environ), environ, words, interactive=interactive)


def test_keys_and_empty_variables_leave_the_environment() -> None:
    environ = {"AWS_ACCESS_KEY_ID": " AKIA1 ", "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_SESSION_TOKEN": TOKEN}
    environ |= {"AWS_PROFILE": "", "AWS_ENDPOINT_URL_S3": " ", "AWS_REGION": "sa-east-1", "PATH": ""}
    keys = credentials.taken_out_of(environ)
    assert environ == {"AWS_REGION": "sa-east-1", "PATH": ""}
    assert (keys.access_key_id, keys.secret, keys.token) == ("AKIA1", SECRET, TOKEN)
    assert "marker" not in repr(keys)


def test_keys_of_the_environment_become_a_block_that_shows_none() -> None:
    environ = {"AWS_ACCESS_KEY_ID": "ASIA1", "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_SESSION_TOKEN": TOKEN}
    environ |= {"AWS_CREDENTIAL_EXPIRATION": "2030-01-01T00:00:00Z", "AWS_PROFILE": "not-there"}
    block = gather(environ)
    assert block.secret_values() == (SECRET, TOKEN)
    assert block.aws_session_expires == datetime(2030, 1, 1, tzinfo=UTC)
    assert "marker" not in repr(block) + str(block) + block.model_dump_json()
    with pytest.raises(TypeError):
        pickle.dumps(block)


def test_half_a_key_is_named_in_the_readers_language() -> None:
    with pytest.raises(SettingsError, match="Defina também AWS_SECRET_ACCESS_KEY"):
        gather({"AWS_ACCESS_KEY_ID": "AKIA1"}, words=PORTUGUESE)


def test_nothing_and_nobody_to_ask_names_the_variables() -> None:
    with pytest.raises(CredentialsMissing, match=r"AWS_ACCESS_KEY_ID.*AWS_SESSION_TOKEN.*--profile"):
        gather({})


def test_a_named_profile_wins_over_keys_and_must_be_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shared = tmp_path / "credentials"
    shared.write_text(
        f"[lab]\naws_access_key_id=ASIA2\naws_secret_access_key={SECRET}\naws_session_token={TOKEN}\n"
        "aws_credential_expiration=2031-02-03T04:05:06+00:00\nendpoint_url=http://127.0.0.1:9\n"
    )
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(shared))
    block = gather({"AWS_ACCESS_KEY_ID": "AKIA1", "AWS_SECRET_ACCESS_KEY": "other"}, profile="lab")
    assert block.get_boto3_session().get_credentials().access_key == "ASIA2"
    assert block.aws_session_expires == datetime(2031, 2, 3, 4, 5, 6, tzinfo=UTC)
    assert block.endpoint_url == "http://127.0.0.1:9"
    with pytest.raises(SettingsError, match="no AWS profile 'other'"):
        gather({}, profile="other")


def test_answers_at_a_terminal_are_taken_as_they_are_pasted(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter([" aws_access_key_id=ASIA3 ", f"aws_secret_access_key = {SECRET}", TOKEN])
    monkeypatch.setattr(credentials, "_masked_question", lambda what: _question(what, lambda _: next(answers)))
    block = gather({}, interactive=True)
    assert block.aws_access_key_id == "ASIA3"
    assert block.secret_values() == (SECRET, TOKEN)


_question = credentials._masked_question


def test_a_terminal_that_would_show_the_answer_is_not_asked() -> None:
    def shows(_prompt: str) -> str:
        warnings.warn("Can not control echo", getpass.GetPassWarning, stacklevel=1)
        return "shown"

    assert _question("Key", shows) == ""


def test_an_address_is_checked_and_quotes_no_password() -> None:
    keys = {"AWS_ACCESS_KEY_ID": "AKIA1", "AWS_SECRET_ACCESS_KEY": SECRET}
    with pytest.raises(SettingsError, match="begins with https"):
        gather(dict(keys), endpoint_url="localhost:9000")
    with pytest.raises(SettingsError) as refused:
        gather(dict(keys), endpoint_url="https://user:marker-password@minio.example")
    assert "marker" not in str(refused.value)


def identity(**given: Any) -> Identity:
    plain: dict[str, Any] = {"way": "access key", "account": "1", "arn": None, "access_key_id": "A", "endpoint": None}
    plain |= {"buckets": None, "expires_at": None, "renewed": False, "temporary": True}
    return Identity(**(plain | given))


def test_when_keys_end_is_said_in_the_readers_language() -> None:
    now = datetime.now(UTC)
    lab = "arn:aws:sts::123456789012:assumed-role/voclabs/user1=Ana"
    assert "não expiram" in credentials.expiry(identity(temporary=False), PORTUGUESE)
    assert "renova sozinha" in credentials.expiry(identity(renewed=True), PORTUGUESE)
    assert "in 9 min" in credentials.expiry(identity(expires_at=now + timedelta(minutes=10)), ENGLISH)
    assert "expiraram em" in credentials.expiry(identity(expires_at=now - timedelta(minutes=1)), PORTUGUESE)
    assert "These keys expire at" in credentials.expiry(identity(expires_at=now + timedelta(hours=3)), ENGLISH)
    assert "laboratório da AWS Academy" in credentials.expiry(identity(arn=lab), PORTUGUESE)
    assert "does not say" in credentials.expiry(identity(), ENGLISH)


def test_both_languages_have_the_same_places_to_fill() -> None:
    from string import Formatter

    from deployments.land.words import _TEXTS

    for name, (english, portuguese) in _TEXTS.items():
        places = [{field for _, field, _, _ in Formatter().parse(text) if field} for text in (english, portuguese)]
        assert places[0] == places[1], name
