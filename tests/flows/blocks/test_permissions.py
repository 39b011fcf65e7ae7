"""What a dry run tells about the credentials: asked of S3 by reading, and of IAM where it answers."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import parse_qs

import pytest

from blocks import LakeCredentials, permissions
from flows.lake import errors
from flows.lake.bucket import iam_policy
from flows.lake.s3.bucket import Bucket
from tests.conftest import S3
from tests.flows.conftest import store_block
from tests.tools.scripted_server import Request, ScriptedServer, caller, s3_error, scripted_server

DAILY = {*iam_policy.BUCKET_ACTIONS, *iam_policy.SETTINGS_ACTIONS, *iam_policy.OBJECT_ACTIONS}


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with scripted_server(lambda request: (404, s3_error("NoSuchKey", "There is none."))) as script:
        yield script


def block_at(server: ScriptedServer) -> LakeCredentials:
    keys = {"aws_access_key_id": "AKIASTATIC", "aws_secret_access_key": "static-secret-1"}
    return LakeCredentials(**keys, aws_client_parameters={"endpoint_url": server.url})


def said(text: str) -> dict[str, set[str]]:
    """Return the actions that a report names after yes, no and not known."""
    lines = dict(line.split(":", 1) for line in text.splitlines() if line.startswith(("yes:", "no:", "not known:")))
    return {word: {action.strip() for action in actions.split(",")} for word, actions in lines.items()}


def test_report_on_a_custom_endpoint_tells_what_reading_shows_and_that_writing_is_not_known(s3: S3) -> None:
    s3.client().create_bucket(Bucket=s3.bucket)
    block = LakeCredentials.load(store_block(f"permissions-{s3.server.name}", s3))
    before = s3.client().list_objects_v2(Bucket=s3.bucket).get("KeyCount", 0)

    text = permissions.report(block, Bucket(block.get_s3_client(), s3.bucket), exists=True)

    assert {"s3:ListBucket", "s3:GetObject"} <= said(text)["yes"]
    assert {"s3:PutObject", "s3:DeleteObject"} <= said(text)["not known"]
    assert set().union(*said(text).values()) == DAILY
    assert "These credentials do not expire." in text
    assert iam_policy.policy_text(s3.bucket) in text
    assert s3.client().list_objects_v2(Bucket=s3.bucket).get("KeyCount", 0) == before


def test_report_tells_what_is_refused(server: ScriptedServer) -> None:
    def answer(request: Request):
        if request.path == "/":
            return 403, s3_error("AccessDenied", "Access Denied")
        if "policy" in request.query or "uploads" in request.query or request.path.endswith("?uploads"):
            return 403, s3_error("AccessDenied", "Access Denied")
        return (403, b"") if request.method == "HEAD" else (404, s3_error("NoSuchTagSet", "None."))

    server.answer = answer
    block = block_at(server)

    text = permissions.report(block, Bucket(block.get_s3_client(), "lake"), exists=True)

    assert "s3:GetObject" in said(text)["no"]
    assert "s3:GetBucketTagging" in said(text)["yes"]
    assert {request.method for request in server.requests} == {"GET", "HEAD"}


def test_report_whose_credentials_end_while_it_asks_says_so_and_guesses_nothing(server: ScriptedServer) -> None:
    block = block_at(server)
    client = block.get_s3_client()
    server.answer = lambda request: (
        (403, s3_error("AccessDenied", "")) if request.path == "/" else (400, s3_error("ExpiredToken", "Expired."))
    )

    with pytest.raises(errors.CredentialsExpired):
        permissions.report(block, Bucket(client, "lake"), exists=True)


def simulated(allowed: set[str], requests: list[dict[str, list[str]]]):
    """Return an IAM that allows these actions, and a STS beside it."""

    def answer(request: Request):
        form = parse_qs(request.body.decode())
        if form["Action"] == ["GetCallerIdentity"]:
            return 200, caller("arn:aws:sts::123456789012:assumed-role/lake/run")
        if form["Action"] == ["GetRole"]:
            role = "<Arn>arn:aws:iam::123456789012:role/team/lake</Arn><Path>/team/</Path><RoleName>lake</RoleName>"
            role += "<RoleId>R</RoleId><CreateDate>2024-01-01T00:00:00Z</CreateDate>"
            return (
                200,
                f"<GetRoleResponse><GetRoleResult><Role>{role}</Role></GetRoleResult></GetRoleResponse>".encode(),
            )
        requests.append(form)
        members = ""
        for name, values in form.items():
            if name.startswith("ActionNames"):
                decision = "allowed" if values[0] in allowed else "implicitDeny"
                members += (
                    f"<member><EvalActionName>{values[0]}</EvalActionName><EvalDecision>{decision}</EvalDecision>"
                )
                members += "</member>"
        result = f"<EvaluationResults>{members}</EvaluationResults><IsTruncated>false</IsTruncated>"
        body = f"<SimulatePrincipalPolicyResult>{result}</SimulatePrincipalPolicyResult>"
        return 200, f"<SimulatePrincipalPolicyResponse>{body}</SimulatePrincipalPolicyResponse>".encode()

    return answer


def test_report_on_aws_tells_what_iam_says_of_writing_before_there_is_a_bucket(
    server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    requests: list[dict[str, list[str]]] = []
    server.answer = simulated({"s3:CreateBucket", "s3:PutObject"}, requests)
    for service in ("STS", "IAM"):
        monkeypatch.setenv(f"AWS_ENDPOINT_URL_{service}", server.url)
    block = LakeCredentials(
        aws_access_key_id="ASIA",
        aws_secret_access_key="static-secret-1",
        aws_session_token="t" * 20,
        region_name="sa-east-1",
    )

    text = permissions.report(block, Bucket(block.get_s3_client(), "lake"), exists=False, kms_key_id="alias/lake")

    assert said(text)["yes"] == {"s3:CreateBucket", "s3:PutObject"}
    assert "not known" not in said(text)
    assert {request["PolicySourceArn"][0] for request in requests} == {"arn:aws:iam::123456789012:role/team/lake"}
    resources = {value for request in requests for name, [value] in request.items() if name.startswith("ResourceArns")}
    assert resources == {"arn:aws:s3:::lake", *(f"arn:aws:s3:::lake/{prefix}*" for prefix in iam_policy.PREFIXES)}
    assert "These credentials expire; AWS does not say when." in text
    assert "arn:aws:kms:sa-east-1:123456789012:key/KEY-ID-OF-alias-lake" in text


def test_report_on_aws_whose_iam_refuses_to_simulate_says_that_it_is_not_known(
    server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def answer(request: Request):
        if b"GetCallerIdentity" in request.body:
            return 200, caller()
        return 403, b"<ErrorResponse><Error><Code>AccessDenied</Code><Message>no</Message></Error></ErrorResponse>"

    server.answer = answer
    for service in ("STS", "IAM"):
        monkeypatch.setenv(f"AWS_ENDPOINT_URL_{service}", server.url)
    block = LakeCredentials(aws_access_key_id="AKIA", aws_secret_access_key="static-secret-1", region_name="sa-east-1")

    text = permissions.report(block, Bucket(block.get_s3_client(), "lake"), exists=False)

    assert said(text).keys() == {"not known"}
    assert "IAM did not answer" in text
