"""Every way of authentication, each against a server that records who signed."""

import hashlib
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import botocore.credentials
import botocore.tokens
import pytest
from moto.server import ThreadedMotoServer

from blocks import LakeCredentials
from blocks.loading import load_credentials
from blocks.register import save_block
from flows.lake import errors
from flows.lake.redact import unguard_logs
from tests.tools.scripted_server import (
    ScriptedServer,
    as_json,
    assumed_role,
    buckets,
    caller,
    in_seconds,
    private_ca,
    s3_error,
    scripted_server,
    sts_error,
)

ROLE = "arn:aws:iam::123456789012:role/lake"
HOUR = 3600


@pytest.fixture(autouse=True)
def aws_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    for name in list(os.environ):
        if name.startswith("AWS_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    (tmp_path / ".aws").mkdir()
    # botocore looks HOME up when it is imported.
    for provider in (botocore.tokens.SSOTokenProvider, botocore.credentials.SSOProvider):
        monkeypatch.setattr(provider, "_SSO_TOKEN_CACHE_DIR", str(tmp_path / ".aws" / "sso" / "cache"))
    yield tmp_path / ".aws"
    unguard_logs()


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with scripted_server(lambda request: (200, buckets("lake"))) as script:
        yield script


def at(server: ScriptedServer, **fields: object) -> LakeCredentials:
    return LakeCredentials(aws_client_parameters={"endpoint_url": server.url}, **fields)


def keys(number: str = "1") -> dict[str, str]:
    return {"aws_access_key_id": f"AKIASTATIC{number}", "aws_secret_access_key": f"static-secret-{number}"}


# Keys in the block


def test_static_keys_sign_without_a_token_and_do_not_expire(server: ScriptedServer) -> None:
    whose = at(server, **keys()).identity()

    [request] = server.requests
    assert request.signed_by == "AKIASTATIC1"
    assert "x-amz-security-token" not in request.headers
    assert (
        whose.sentence()
        == f"access key AKIASTATIC1 at {server.url}, which shows 1 bucket. These credentials do not expire."
    )


def test_temporary_keys_send_their_token_and_tell_the_expiry_that_is_stored(server: ScriptedServer) -> None:
    block = at(server, **keys(), aws_session_token="session-token-1", aws_session_expires="2030-01-02T03:04:05Z")

    whose = block.identity()

    assert server.requests[0].headers["x-amz-security-token"] == "session-token-1"
    assert whose.way == "temporary keys"
    assert whose.expires_at is not None
    assert whose.expires_at.isoformat() == "2030-01-02T03:04:05+00:00"


def test_temporary_keys_of_unknown_expiry_say_so(server: ScriptedServer) -> None:
    whose = at(server, **keys(), aws_session_token="session-token-1").identity()

    assert whose.expiry() == "These credentials expire; AWS does not say when."


def test_region_of_the_block_is_in_the_signature(server: ScriptedServer) -> None:
    at(server, **keys(), region_name="sa-east-1").identity()

    assert "/sa-east-1/s3/aws4_request" in server.requests[0].headers["authorization"]


def test_identity_on_aws_asks_sts_and_never_lists_buckets(
    server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", server.url)
    server.answer = lambda request: (200, caller())

    whose = LakeCredentials(**keys(), region_name="sa-east-1").identity()

    assert [request.form["Action"] for request in server.requests] == ["GetCallerIdentity"]
    assert (whose.account, whose.arn) == ("123456789012", "arn:aws:iam::123456789012:user/ana")
    assert whose.sentence().startswith("access key arn:aws:iam::123456789012:user/ana in AWS account 123456789012")


def test_identity_custom_endpoint_that_denies_listing_still_knows_the_key(server: ScriptedServer) -> None:
    server.answer = lambda request: (403, s3_error("AccessDenied", "Access Denied"))

    assert at(server, **keys()).identity().buckets is None


# Profiles


def test_profile_signs_with_its_keys_and_region(server: ScriptedServer, aws_home: Path) -> None:
    (aws_home / "credentials").write_text(
        "[lake]\naws_access_key_id=AKIAPROFILE\naws_secret_access_key=profile-secret-1\n"
    )
    (aws_home / "config").write_text("[profile lake]\nregion=eu-west-3\n")

    block = at(server, profile_name="lake")
    whose = block.identity()

    assert server.requests[0].signed_by == "AKIAPROFILE"
    assert "/eu-west-3/" in server.requests[0].headers["authorization"]
    assert whose.way == "profile lake"
    assert block.secret_values() == ("profile-secret-1",)


def sso_profile(aws_home: Path, token_expires_in_s: int) -> None:
    (aws_home / "config").write_text(
        "[profile lake]\nsso_session=corp\nsso_account_id=123456789012\nsso_role_name=Engineer\nregion=us-east-1\n"
        "[sso-session corp]\nsso_region=us-east-1\nsso_start_url=https://corp.example/start\n"
    )
    cache = aws_home / "sso" / "cache"
    cache.mkdir(parents=True)
    token = {
        "startUrl": "https://corp.example/start",
        "region": "us-east-1",
        "accessToken": "sso-access-token-1",
        "expiresAt": in_seconds(token_expires_in_s),
    }
    (cache / f"{hashlib.sha1(b'corp').hexdigest()}.json").write_text(json.dumps(token))


def test_sso_profile_turns_the_cached_login_into_keys_that_renew_themselves(
    server: ScriptedServer, aws_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sso_profile(aws_home, token_expires_in_s=HOUR)
    ends = int((time.time() + HOUR) * 1000)
    role = {
        "accessKeyId": "ASIASSO",
        "secretAccessKey": "sso-secret-1",
        "sessionToken": "sso-token-1",
        "expiration": ends,
    }

    def portal(request):
        return (200, as_json(roleCredentials=role)) if "federation" in request.path else (200, buckets())

    server.answer = portal
    monkeypatch.setenv("AWS_ENDPOINT_URL_SSO", server.url)

    block = at(server, profile_name="lake")
    whose = block.identity()

    login, listing = server.requests
    assert login.headers["x-amz-sso_bearer_token"] == "sso-access-token-1"
    assert (login.query["account_id"], login.query["role_name"]) == ("123456789012", "Engineer")
    assert listing.signed_by == "ASIASSO"
    assert whose.renewed
    assert set(block.secret_values()) == {"sso-secret-1", "sso-token-1"}


def test_sso_profile_whose_login_has_ended_says_which_command_renews_it(server: ScriptedServer, aws_home: Path) -> None:
    sso_profile(aws_home, token_expires_in_s=-HOUR)

    with pytest.raises(errors.CredentialsExpired, match=r"`aws sso login --profile lake` and start the run again"):
        at(server, profile_name="lake").identity()


# Assumed roles


def test_assumed_role_of_a_real_sts_sends_the_external_id_and_signs_with_the_session() -> None:
    sts = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    sts.start()
    try:
        host, port = sts.get_host_and_port()
        block = LakeCredentials(
            **keys(),
            assume_role_arn=ROLE,
            assume_role_kwargs={"ExternalId": "partner-7", "RoleSessionName": "nightly"},
            aws_client_parameters={"endpoint_url": f"http://{host}:{port}"},
        )
        client = block.get_s3_client()
        client.create_bucket(Bucket="lake-of-the-role")
        whose = block.identity()
        arn = block.get_client("sts").get_caller_identity()["Arn"]
    finally:
        sts.stop()

    assert arn == "arn:aws:sts::123456789012:assumed-role/lake/nightly"
    assert whose.access_key_id.startswith("ASIA")
    assert (whose.way, whose.renewed) == ("assumed role", True)
    assert whose.expires_at is not None
    assert len(block.secret_values()) == 3


def role_server(server: ScriptedServer, *lifetimes_s: int) -> list[dict[str, str]]:
    """Let the server hand out sessions of these lifetimes, one after the other; return the forms it was sent."""
    forms: list[dict[str, str]] = []

    def answer(request):
        if request.method == "POST":
            forms.append({**request.form, "signed_by": request.signed_by})
            return 200, assumed_role(len(forms), lifetimes_s[len(forms) - 1])
        return 200, buckets()

    server.answer = answer
    return forms


def test_assumed_role_is_renewed_by_the_same_client_before_it_ends(server: ScriptedServer) -> None:
    forms = role_server(server, 60, HOUR)
    block = at(server, **keys(), assume_role_arn=ROLE, assume_role_kwargs={"ExternalId": "partner-7"})
    client = block.get_s3_client()

    client.list_buckets()
    block.secret_values()
    client.list_buckets()
    client.list_buckets()

    signers = [request.signed_by for request in server.requests if request.method == "GET"]
    assert signers[-2:] == ["ASIASESSION2", "ASIASESSION2"]
    assert [form["ExternalId"] for form in forms] == ["partner-7", "partner-7"]
    assert {form["signed_by"] for form in forms} == {"AKIASTATIC1"}
    assert forms[0]["RoleSessionName"] == "csv-to-raw-lake"
    assert set(block.secret_values()) == {"static-secret-1", "secret-of-session-2", "token-of-session-2"}


def test_assumed_role_is_shared_by_the_clients_of_a_block(server: ScriptedServer) -> None:
    forms = role_server(server, HOUR, HOUR)
    block = at(server, **keys(), assume_role_arn=ROLE)

    for _ in range(3):
        block.get_s3_client().list_buckets()

    assert len(forms) == 1


def test_assumed_role_of_fifteen_minutes_is_not_renewed_at_every_request(server: ScriptedServer) -> None:
    forms = role_server(server, 900, 900, 900)
    client = at(server, **keys(), assume_role_arn=ROLE, assume_role_kwargs={"DurationSeconds": 900}).get_s3_client()

    for _ in range(3):
        client.list_buckets()

    assert len(forms) == 1


def test_assumed_role_from_a_profile_is_assumed_by_that_profile(server: ScriptedServer, aws_home: Path) -> None:
    (aws_home / "credentials").write_text(
        "[lake]\naws_access_key_id=AKIAPROFILE\naws_secret_access_key=profile-secret-1\n"
    )
    forms = role_server(server, HOUR)

    at(server, profile_name="lake", assume_role_arn=ROLE).get_s3_client().list_buckets()

    assert forms[0]["signed_by"] == "AKIAPROFILE"


def test_assumed_role_that_asks_for_an_mfa_code_is_refused_and_never_prompts(server: ScriptedServer) -> None:
    role_server(server, HOUR)
    block = at(server, **keys(), assume_role_arn=ROLE, assume_role_kwargs={"SerialNumber": "arn:aws:iam::1:mfa/ana"})

    with pytest.raises(errors.CredentialsMissing, match="nobody to ask"):
        block.identity()


def test_assumed_role_that_sts_refuses_tells_what_sts_said(server: ScriptedServer) -> None:
    server.answer = lambda request: (403, sts_error("AccessDenied", "not authorized to perform sts:AssumeRole"))

    with pytest.raises(errors.AccessDenied, match=r"STS answered AccessDenied \(not authorized"):
        at(server, **keys(), assume_role_arn=ROLE).identity()


# Roles of the machine


def test_container_role_signs_with_the_session_of_the_container(
    server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def answer(request):
        if request.path == "/role":
            session = {"AccessKeyId": "ASIATASK", "SecretAccessKey": "task-secret-1", "Token": "task-token-1"}
            return 200, as_json(**session, Expiration=in_seconds(6 * HOUR))
        return 200, buckets()

    server.answer = answer
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{server.url}/role")
    monkeypatch.setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN", "container-authorization")

    block = at(server)
    whose = block.identity()

    assert server.requests[0].headers["authorization"] == "container-authorization"
    assert server.requests[1].signed_by == "ASIATASK"
    assert server.requests[1].headers["x-amz-security-token"] == "task-token-1"
    assert (whose.way, whose.renewed) == ("role of the container", True)
    assert set(block.secret_values()) == {"task-secret-1", "task-token-1"}


def test_pod_role_by_web_identity_signs_with_the_session_of_sts(
    server: ScriptedServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def answer(request):
        if request.method == "POST":
            return 200, assumed_role(1, HOUR, "AssumeRoleWithWebIdentity")
        return 200, buckets()

    server.answer = answer
    (tmp_path / "token").write_text("web-identity-of-the-pod")
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(tmp_path / "token"))
    monkeypatch.setenv("AWS_ROLE_ARN", ROLE)
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", server.url)

    at(server).identity()

    assert server.requests[0].form["WebIdentityToken"] == "web-identity-of-the-pod"
    assert server.requests[1].signed_by == "ASIASESSION1"


def test_instance_role_signs_with_the_session_of_the_instance(
    server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = {
        "Code": "Success",
        "AccessKeyId": "ASIAINSTANCE",
        "SecretAccessKey": "instance-secret-1",
        "Token": "instance-token-1",
        "Expiration": in_seconds(6 * HOUR),
    }
    answers = {
        "/latest/api/token": b"imds-token",
        "/latest/meta-data/iam/security-credentials/": b"LakeRole",
        "/latest/meta-data/iam/security-credentials/LakeRole": as_json(**session),
    }
    server.answer = lambda request: (200, answers.get(request.path, buckets()))
    monkeypatch.delenv("AWS_EC2_METADATA_DISABLED")
    monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", server.url)

    whose = at(server).identity()

    assert server.requests[-1].signed_by == "ASIAINSTANCE"
    assert whose.way == "role of the instance"


# What goes wrong


@pytest.mark.parametrize(
    ("code", "message", "error"),
    [
        ("ExpiredToken", "The provided token has expired.", errors.CredentialsExpired),
        ("InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist.", errors.CredentialsRejected),
        ("SignatureDoesNotMatch", "The request signature does not match.", errors.CredentialsRejected),
        ("InvalidToken", "The provided token is malformed.", errors.CredentialsRejected),
    ],
)
def test_refused_credentials_tell_block_answer_and_command_in_one_sentence(
    server: ScriptedServer, code: str, message: str, error: type[errors.CredentialsError]
) -> None:
    server.answer = lambda request: (403, s3_error(code, message))
    block = at(server, **keys(), aws_session_token="session-token-1")
    block._block_document_name = "lake"

    with pytest.raises(error) as refused:
        block.identity()

    assert str(refused.value) == (
        f"The credentials block 'lake' cannot be used: S3 answered {code} ({message.rstrip('.')}) while checking the "
        "credentials. Renew it with `python -m blocks.register --name lake --overwrite` and start the run again."
    )
    assert len(server.requests) == 1


def test_wrong_clock_is_said_as_such(server: ScriptedServer) -> None:
    server.answer = lambda request: (403, s3_error("RequestTimeTooSkewed", "The difference is too large."))

    with pytest.raises(errors.ClockSkewed, match=r"RequestTimeTooSkewed.*Set this machine's clock"):
        at(server, **keys()).identity()


def test_endpoint_that_does_not_answer_is_named() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{taken.getsockname()[1]}"
        block = LakeCredentials(**keys(), aws_client_parameters={"endpoint_url": address})

        with pytest.raises(errors.EndpointUnreachable, match=address):
            block.identity()


# TLS with a private CA


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """A moto server that speaks TLS: its address and the CA bundle."""
    ca, certificate, key = private_ca(tmp_path_factory.mktemp("tls"))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    process = subprocess.Popen(
        [*command, "-c", str(certificate), "-k", str(key)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        for _ in range(600):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        yield f"https://127.0.0.1:{port}", ca
    finally:
        process.terminate()
        process.wait()


def test_private_ca_in_the_block_is_trusted_and_stores_the_bytes_as_they_are(tls: tuple[str, Path]) -> None:
    address, ca = tls
    stored = LakeCredentials(**keys(), aws_client_parameters={"endpoint_url": address, "verify_cert_path": str(ca)})
    save_block("private-ca", stored)
    block = load_credentials("private-ca")
    client = block.get_s3_client()
    client.create_bucket(Bucket="lake")

    client.put_object(Bucket="lake", Key="a.csv", Body=b"id|name\n1|x\n", ChecksumAlgorithm="CRC64NVME")

    assert block.identity().buckets == 1
    assert client.get_object(Bucket="lake", Key="a.csv")["Body"].read() == b"id|name\n1|x\n"


def test_private_ca_missing_in_the_block_is_said_and_where_to_name_it(tls: tuple[str, Path]) -> None:
    address, _ = tls
    block = LakeCredentials(**keys(), aws_client_parameters={"endpoint_url": address})

    with pytest.raises(errors.CertificateRejected, match="verify_cert_path"):
        block.identity()
