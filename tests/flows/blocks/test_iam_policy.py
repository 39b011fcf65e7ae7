"""The IAM policy against the requests that whole runs make of AWS: no action is missing, and none is too many."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.exceptions import ConnectionClosedError

from blocks import LakeCredentials
from flows.lake.bucket import iam_policy
from tests.conftest import fresh_bucket_name
from tests.tools.certificates import Authority
from tests.tools.servers import MIN_PART_BYTES, S3Server, moto_server

PROJECT = Path(__file__).parents[3]
REGION = "sa-east-1"
OLD, NEW = "a|b\n1|2\n", "a|b\n1|3\n"


def actions_of(operation: str, parameters: Mapping[str, Any]) -> set[str]:
    """Return what IAM asks of a request, as AWS documents it for each operation."""
    of_settings = {
        "PublicAccessBlock": "BucketPublicAccessBlock",
        "BucketEncryption": "EncryptionConfiguration",
        "BucketLifecycleConfiguration": "LifecycleConfiguration",
    }
    verb, setting = operation[:3], operation[3:]
    if verb in ("Get", "Put") and (setting in of_settings or setting.startswith("Bucket")):
        return {f"s3:{verb}{of_settings.get(setting, setting)}"}
    version = "Version" if parameters.get("VersionId") else ""
    tagged = {"s3:PutObjectTagging"} if parameters.get("Tagging") else set()
    return {
        "AbortMultipartUpload": {"s3:AbortMultipartUpload"},
        "CompleteMultipartUpload": {"s3:PutObject"},
        # The copy takes the tags of its source along.
        "CopyObject": {"s3:GetObject", "s3:GetObjectTagging", "s3:PutObject", "s3:PutObjectTagging"},
        "CreateBucket": {"s3:CreateBucket"}
        | ({"s3:TagResource"} if parameters.get("CreateBucketConfiguration", {}).get("Tags") else set()),
        "CreateMultipartUpload": {"s3:PutObject"} | tagged,
        "DeleteObject": {f"s3:DeleteObject{version}"},
        "GetObject": {f"s3:GetObject{version}"},
        "GetObjectTagging": {"s3:GetObjectTagging"},
        "HeadBucket": {"s3:ListBucket"},
        "HeadObject": {f"s3:GetObject{version}"},
        "ListMultipartUploads": {"s3:ListBucketMultipartUploads"},
        "ListObjectsV2": {"s3:ListBucket"},
        "PutObject": {"s3:PutObject"} | tagged,
        "UploadPart": {"s3:PutObject"},
    }[operation]


@dataclass
class Recorded:
    """What runs asked of S3: each operation's name with its parameters."""

    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    @property
    def actions(self) -> set[str]:
        return {action for operation, parameters in self.calls for action in actions_of(operation, parameters)}

    @property
    def prefixes(self) -> set[str]:
        return {f"{parameters['Key'].split('/')[0]}/" for _, parameters in self.calls if "Key" in parameters}


@pytest.fixture(scope="module")
def behind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with moto_server(tls=Authority.make(tmp_path_factory.mktemp("tls"))) as server:
        yield server


@pytest.fixture(scope="module")
def recorded(behind: S3Server, tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    """Runs whose client takes moto for AWS: it signs for AWS's own addresses, and its requests are led to moto."""
    found = Recorded()
    with pytest.MonkeyPatch.context() as patch:
        get_client = LakeCredentials.get_client

        def led(credentials: LakeCredentials, service: Any, config: Any = None) -> Any:
            client = get_client(credentials, service, config)
            events = client.meta.events
            events.register("before-send", lambda request, **_: lead(request, behind))
            if service == "s3":
                events.register("provide-client-params.s3", lambda params, model, **_: note(found, params, model))
                events.register("after-call.s3.PutObject", damage)
                events.register("before-call.s3.UploadPart", break_off)
            return client

        patch.setattr(LakeCredentials, "get_client", led)
        run_all(found, behind, tmp_path_factory.mktemp("source"))
    return found


def lead(request: Any, behind: S3Server) -> None:
    address = urlsplit(request.url)
    if (address.hostname or "").endswith("amazonaws.com"):
        request.headers["Host"] = address.netloc
        if address.query == "policy" and request.method == "PUT":
            # moto knows no conditions and would deny everything from here on.
            request.body = request.body.replace(b"s3:*", b"s3:X")
        request.url = behind.endpoint_url + address.path + (f"?{address.query}" if address.query else "")


def note(found: Recorded, params: dict[str, Any], model: Any) -> None:
    found.calls.append((model.name, dict(params)))


def damage(parsed: dict[str, Any], context: dict[str, Any], **_: Any) -> None:
    """Say of one file that the server holds other bytes than were sent."""
    if "/Damaged/" in context.get("input_params", {}).get("Key", "") and "ChecksumCRC64NVME" in parsed:
        parsed["ChecksumCRC64NVME"] = "AAAAAAAAAAA="


def break_off(params: dict[str, Any], **_: Any) -> None:
    """Lose the connection at the second part of one file."""
    if "/Broken/" in params["url_path"] and params["query_string"]["partNumber"] == 2:
        raise ConnectionClosedError(endpoint_url="the second part")


def run_all(found: Recorded, behind: S3Server, folder: Path) -> None:
    from flows.ingest_raw import ingest_raw

    fields = {"verify_cert_path": behind.ca_bundle}
    LakeCredentials(
        aws_access_key_id=behind.access_key,
        aws_secret_access_key=behind.secret_key,
        region_name=REGION,
        aws_client_parameters=fields,
    ).save("policy", overwrite=True)

    def run(bucket: str, **parameters: Any) -> None:
        given = {"partition_date": date(2024, 3, 5), "credentials": "policy", "tags": {"team": "data"}} | parameters
        ingest_raw(source=folder, bucket=bucket, return_state=True, **given)

    (folder / "ragged.csv").write_text("a,b\n1,2\n1,2,3,4\n")
    (folder / "damaged.csv").write_text(OLD)
    (folder / "broken.csv").write_text("a|b\n" + f"{'x' * 1000}|1\n" * 17_000)
    (folder / "theirs.csv").write_text("a|b\n" + "1|2\n" * 4_000)
    ours, others = fresh_bucket_name(), fresh_bucket_name()
    plain = behind.client(region=REGION)
    plain.create_bucket(Bucket=others, CreateBucketConfiguration={"LocationConstraint": REGION})
    run(ours, dry_run=True)
    run(ours)
    store_in_parts(plain, ours, "Raw/Local/CSV/Theirs/2024/03/06/theirs.csv", (folder / "theirs.csv").read_bytes())
    run(ours, partition_date=date(2024, 3, 6))
    run(others, dry_run=True)
    for text in (OLD, NEW):
        (folder / "small.csv").write_text(text)
        run(others)
    (folder / "masked.csv").write_text("a,b\n1,2\n")
    run(others, contracts={"Masked": {"columns": {"a": {"mask": "redact"}}}})


def store_in_parts(client: Any, bucket: str, key: str, body: bytes) -> None:
    """Store an object as somebody else would, so that neither its checksum nor its ETag is one that we would have."""
    where = {"Bucket": bucket, "Key": key}
    where["UploadId"] = client.create_multipart_upload(**where)["UploadId"]
    parts = []
    for number, part in enumerate((body[:MIN_PART_BYTES], body[MIN_PART_BYTES:]), 1):
        parts.append({"PartNumber": number, "ETag": client.upload_part(PartNumber=number, Body=part, **where)["ETag"]})
    client.complete_multipart_upload(MultipartUpload={"Parts": parts}, **where)


def granted() -> set[str]:
    return {action for statement in iam_policy.policy("b")["Statement"] for action in statement["Action"]}


def test_policy_grants_every_action_that_runs_use(recorded: Recorded) -> None:
    assert recorded.actions - granted() == set()


def test_policy_grants_no_action_that_runs_do_not_use(recorded: Recorded) -> None:
    assert granted() - recorded.actions == set()


def test_policy_names_just_the_prefixes_that_runs_use(recorded: Recorded) -> None:
    assert recorded.prefixes == set(iam_policy.PREFIXES)


def test_policy_has_a_statement_for_creating_and_one_for_daily_use(recorded: Recorded) -> None:
    create, use = iam_policy.policy("b")["Statement"]
    made = [i for i, (operation, _) in enumerate(recorded.calls) if operation == "CreateBucket"]
    tagged = [i for i, (operation, _) in enumerate(recorded.calls) if operation == "PutBucketTagging"]
    creating = {a for call in recorded.calls[made[0] : tagged[0] + 1] for a in actions_of(*call)}
    assert set(create["Action"]) <= creating
    assert not set(create["Action"]) & set(use["Action"])
    others = recorded.calls[: made[0]] + recorded.calls[tagged[0] + 1 :]
    assert {a for call in others for a in actions_of(*call)} <= set(use["Action"])


def test_policy_file_is_what_the_code_prints() -> None:
    shipped = (PROJECT / "deployments/aws/iam-policy.json").read_text()
    assert shipped == iam_policy.policy_text("YOUR-BUCKET") + "\n"
    assert json.loads(shipped)["Version"] == "2012-10-17"


@pytest.mark.parametrize("partition", ["aws", "aws-cn"])
def test_policy_of_a_bucket_with_a_key_names_the_key_and_the_partition(partition: str) -> None:
    *_, key = iam_policy.policy("lake", partition=partition, kms_key_arn="arn:aws:kms:r:1:key/k")["Statement"]
    assert key["Resource"] == "arn:aws:kms:r:1:key/k"
    assert f"arn:{partition}:s3:::lake/Raw/*" in iam_policy.policy_text("lake", partition=partition)
