"""Making, verifying, protecting and listing the bucket, on servers of two kinds and through AWS's own addresses."""

from __future__ import annotations

import json
import shlex
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from flows.lake import errors
from flows.lake.bucket import ensure
from flows.lake.bucket.hardening import PENDING, own_tags
from flows.lake.raw.upload import upload_file
from flows.lake.run_models import BucketListing
from flows.lake.s3.bucket import Bucket
from flows.lake.s3.client import RetryPolicy, use_own_retries
from flows.lake.s3.listing import list_bucket
from tests.conftest import S3, fresh_bucket_name
from tests.tools.fault_proxy import Fault, altered, fault_proxy
from tests.tools.servers import S3Server
from tests.tools.uploads import RAW, eager_client, profile_of, write_csv

PROTECTIONS = [
    "public access block",
    "bucket owner enforced",
    "encryption",
    "versioning",
    "abort of incomplete uploads",
]


def aws_client(moto: S3Server, region: str = "us-east-1") -> Any:
    """Return a client that believes it talks to AWS: its requests for AWS's addresses go through moto as a proxy."""
    client = boto3.session.Session().client(
        "s3",
        region_name=region,
        use_ssl=False,
        aws_access_key_id=moto.access_key,
        aws_secret_access_key=moto.secret_key,
        config=Config(proxies={"http": moto.endpoint_url}, s3={"addressing_style": "path"}),
    )
    use_own_retries(client, RetryPolicy(retry_for_s=0.2, first_delay_s=0.01))
    return client


def writes_of(client: Any) -> list[str]:
    """Record the operations that change something."""
    sent: list[str] = []

    def note(model: Any, **_: Any) -> None:
        if model.http["method"] != "GET" and model.http["method"] != "HEAD":
            sent.append(model.name)

    client.meta.events.register_first("before-call.s3", note)
    return sent


def refuse(client: Any, operation: str, code: str = "AccessDenied", status: int = 403) -> None:
    """Let the client meet a refusal, as AWS words it, in place of an answer to one operation."""
    from botocore.awsrequest import AWSResponse

    class _Raw:
        def stream(self, *_: Any, **__: Any) -> Any:
            yield f"<Error><Code>{code}</Code><Message>{code}</Message></Error>".encode()

    def answer(**_: Any) -> AWSResponse:
        return AWSResponse("http://s3", status, {}, _Raw())

    client.meta.events.register(f"before-send.s3.{operation}", answer, unique_id=f"refuse-{operation}")


def test_bucket_absent_is_created_and_reported(s3: S3) -> None:
    client = eager_client(s3.server)
    report = ensure.ensure_bucket(Bucket(client, s3.bucket))
    assert report.created
    assert s3.bucket in [item["Name"] for item in client.list_buckets()["Buckets"]]
    states = {setting.name: setting.state for setting in report.settings}
    expected = "applied" if s3.server.versioned else "not offered"
    assert states == dict.fromkeys(PROTECTIONS, expected) | {"TLS only": "not offered", "tags": expected}
    assert report.warnings == ()


def test_bucket_created_on_moto_has_the_protections_in_fact(moto: S3Server) -> None:
    client, name = eager_client(moto), fresh_bucket_name()
    ensure.ensure_bucket(Bucket(client, name), kms_key_id="alias/lake")
    blocks = client.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"]
    assert set(blocks.values()) == {True}
    assert client.get_bucket_versioning(Bucket=name)["Status"] == "Enabled"
    rule = client.get_bucket_encryption(Bucket=name)["ServerSideEncryptionConfiguration"]["Rules"][0]
    assert rule["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": "alias/lake"}
    assert rule["BucketKeyEnabled"] is True
    rule = client.get_bucket_lifecycle_configuration(Bucket=name)["Rules"][0]
    assert rule["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 7}
    assert "Expiration" not in rule
    controls = client.get_bucket_ownership_controls(Bucket=name)["OwnershipControls"]
    assert controls["Rules"] == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    tags = client.get_bucket_tagging(Bucket=name)["TagSet"]
    assert {"Key": "made-by", "Value": "csv-to-raw-lake"} in tags


def test_bucket_present_is_used_as_it_is_with_commands_for_what_is_missing(s3: S3) -> None:
    client = eager_client(s3.server)
    client.create_bucket(Bucket=s3.bucket)
    sent = writes_of(client)
    report = ensure.ensure_bucket(Bucket(client, s3.bucket))
    assert not report.created
    assert sent == []
    if s3.server.versioned:
        assert {setting.state for setting in report.settings} == {"missing"}
        assert len(report.warnings) == len(PROTECTIONS)
        assert all(f"--bucket {s3.bucket}" in warning for warning in report.warnings)
    else:
        assert report.not_offered == (*PROTECTIONS,)
        assert report.warnings == ()


def test_bucket_command_in_a_warning_applies_the_protection(moto: S3Server) -> None:
    """Run what the warning tells the user to type, through the client that the AWS CLI would use."""
    client, name = eager_client(moto), fresh_bucket_name()
    client.create_bucket(Bucket=name)
    for setting in ensure.ensure_bucket(Bucket(client, name)).settings:
        assert setting.remedy
        words = shlex.split(setting.remedy.split("  (")[0])
        assert words[:2] == ["aws", "s3api"]
        options = dict(zip(words[3::2], words[4::2], strict=True))
        assert options.pop("--endpoint-url") == moto.endpoint_url
        assert options.pop("--bucket") == name
        [(option, value)] = options.items()
        parameter = "".join(part.capitalize() for part in option.strip("-").split("-"))
        getattr(client, words[2].replace("-", "_"))(Bucket=name, **{parameter: json.loads(value)})
    assert {setting.state for setting in ensure.ensure_bucket(Bucket(client, name)).settings} == {"present"}


def test_bucket_made_but_unfinished_is_completed_by_the_next_run(moto: S3Server) -> None:
    client, name = eager_client(moto), fresh_bucket_name()
    client.create_bucket(Bucket=name)
    client.put_bucket_tagging(Bucket=name, Tagging={"TagSet": own_tags(PENDING)})
    report = ensure.ensure_bucket(Bucket(client, name))
    assert not report.created
    assert {setting.name for setting in report.settings if setting.state == "applied"} == {*PROTECTIONS, "tags"}
    assert client.get_bucket_versioning(Bucket=name)["Status"] == "Enabled"
    assert {setting.state for setting in ensure.ensure_bucket(Bucket(client, name)).settings} == {"present"}


def test_bucket_on_aws_refused_protection_fails_and_the_next_run_completes_it(moto: S3Server) -> None:
    name = fresh_bucket_name()
    client = aws_client(moto)
    refuse(client, "PutBucketVersioning")
    with pytest.raises(errors.BucketNotHardened, match=r"versioning.*AccessDenied.*permission"):
        ensure.ensure_bucket(Bucket(client, name))
    allowed = aws_client(moto)
    allowed.put_bucket_tagging(Bucket=name, Tagging={"TagSet": own_tags(PENDING)})  # moto drops tags given at creation
    report = ensure.ensure_bucket(Bucket(allowed, name))
    assert {setting.state for setting in report.settings if setting.name in PROTECTIONS} == {"applied"}


def test_bucket_on_aws_is_created_with_its_tag_region_and_namespace(moto: S3Server) -> None:
    client = aws_client(moto, "sa-east-1")
    seen: list[dict[str, Any]] = []
    client.meta.events.register("provide-client-params.s3.CreateBucket", lambda params, **_: seen.append(params))
    name = f"{fresh_bucket_name()}-123456789012-sa-east-1-an"
    ensure.ensure_bucket(Bucket(client, name))
    configuration = seen[0]["CreateBucketConfiguration"]
    assert configuration == {"LocationConstraint": "sa-east-1", "Tags": own_tags(PENDING)}
    assert seen[0]["BucketNamespace"] == "account-regional"
    assert client.get_bucket_location(Bucket=name)["LocationConstraint"] == "sa-east-1"


def test_bucket_in_us_east_1_is_created_without_a_location(moto: S3Server) -> None:
    client = aws_client(moto)
    seen: list[dict[str, Any]] = []
    client.meta.events.register("provide-client-params.s3.CreateBucket", lambda params, **_: seen.append(params))
    ensure.ensure_bucket(Bucket(client, fresh_bucket_name()))
    assert "LocationConstraint" not in seen[0]["CreateBucketConfiguration"]
    assert "BucketNamespace" not in seen[0]


def test_bucket_in_another_region_is_its_own_error(moto: S3Server) -> None:
    name = fresh_bucket_name()
    ensure.ensure_bucket(Bucket(aws_client(moto, "sa-east-1"), name))
    with pytest.raises(errors.BucketInOtherRegion, match=r"is in sa-east-1.*names eu-west-1"):
        ensure.ensure_bucket(Bucket(aws_client(moto, "eu-west-1"), name))


def test_bucket_name_invalid_is_refused_before_any_call(s3: S3) -> None:
    client = s3.server.client(endpoint_url="http://127.0.0.1:9")
    with pytest.raises(errors.BucketNameInvalid):
        ensure.ensure_bucket(Bucket(client, "My_Bucket"))


def test_bucket_of_someone_else_is_never_made_or_written(moto: S3Server) -> None:
    client, name = eager_client(moto), fresh_bucket_name()
    client.create_bucket(Bucket=name)
    refuse(client, "HeadBucket")
    refuse(client, "ListObjectsV2")
    sent = writes_of(client)
    with pytest.raises(errors.BucketNotOurs, match="someone else"):
        ensure.ensure_bucket(Bucket(client, name))
    assert sent == []


def test_bucket_taken_between_look_and_creation_is_not_ours(moto: S3Server) -> None:
    client = aws_client(moto)
    refuse(client, "CreateBucket", "BucketAlreadyExists", 409)
    with pytest.raises(errors.BucketNotOurs, match="someone else"):
        ensure.ensure_bucket(Bucket(client, fresh_bucket_name()))


def test_bucket_created_by_two_runs_at_once_succeeds_twice(s3: S3) -> None:
    clients = [eager_client(s3.server) for _ in range(4)]
    with ThreadPoolExecutor(len(clients)) as pool:
        reports = list(pool.map(lambda client: ensure.ensure_bucket(Bucket(client, s3.bucket)), clients))
    assert {report.name for report in reports} == {s3.bucket}
    assert any(report.created for report in reports)


def test_bucket_already_ours_at_creation_is_success(moto: S3Server) -> None:
    client, name = eager_client(moto, region="sa-east-1"), fresh_bucket_name()
    looks: list[int] = []

    def absent_once(**_: Any) -> Any:
        from botocore.awsrequest import AWSResponse

        class _Raw:
            def stream(self, *_: Any, **__: Any) -> Any:
                yield b""

        looks.append(1)
        return AWSResponse("http://s3", 404, {}, _Raw()) if len(looks) == 1 else None

    client.meta.events.register("before-send.s3.HeadBucket", absent_once)
    eager_client(moto, region="sa-east-1").create_bucket(
        Bucket=name, CreateBucketConfiguration={"LocationConstraint": "sa-east-1"}
    )
    report = ensure.ensure_bucket(Bucket(client, name))
    assert not report.created


def test_bucket_wrong_keys_are_said_as_such(rclone: S3Server) -> None:
    client = eager_client(rclone, aws_secret_access_key="wrong-secret")
    with pytest.raises(errors.CredentialsRejected, match="SignatureDoesNotMatch") as caught:
        ensure.ensure_bucket(Bucket(client, fresh_bucket_name()))
    assert "wrong-secret" not in str(caught.value)


def test_bucket_unreachable_endpoint_names_the_address(moto: S3Server) -> None:
    client = eager_client(moto, retry_for_s=0.5, endpoint_url="http://127.0.0.1:9")
    with pytest.raises(errors.EndpointUnreachable, match=r"http://127\.0\.0\.1:9.*endpoint address"):
        ensure.ensure_bucket(Bucket(client, "lake-bucket"))


def test_bucket_expected_owner_goes_with_every_request_but_creation(moto: S3Server) -> None:
    client, name = eager_client(moto), fresh_bucket_name()
    without: list[str] = []

    def look(model: Any, params: dict[str, Any], **_: Any) -> None:
        if "x-amz-expected-bucket-owner" not in params["headers"]:
            without.append(model.name)

    client.meta.events.register("before-call.s3", look)
    ensure.ensure_bucket(Bucket(client, name, "123456789012"))
    ensure.ensure_bucket(Bucket(client, name, "123456789012"))
    list_bucket(Bucket(client, name, "123456789012"))
    assert without == ["CreateBucket"]


def test_bucket_absent_that_must_be_another_accounts_is_not_created(s3: S3) -> None:
    client = eager_client(s3.server)
    with pytest.raises(errors.BucketNotOurs, match=r"account 111122223333 would create it.*210987654321"):
        ensure.ensure_bucket(Bucket(client, s3.bucket, "210987654321"), account="111122223333")
    assert s3.bucket not in [item["Name"] for item in client.list_buckets()["Buckets"]]
    assert ensure.ensure_bucket(Bucket(client, s3.bucket, "111122223333"), account="111122223333").created


def test_bucket_inspect_changes_nothing(s3: S3) -> None:
    client = eager_client(s3.server)
    sent = writes_of(client)
    assert ensure.inspect_bucket(Bucket(client, s3.bucket)) is None
    assert sent == []
    s3.server.client().create_bucket(Bucket=s3.bucket)
    report = ensure.inspect_bucket(Bucket(client, s3.bucket))
    assert report
    assert not report.created
    assert sent == []


def test_bucket_listing_counts_every_page(s3: S3) -> None:
    client = eager_client(s3.server)
    client.create_bucket(Bucket=s3.bucket)
    client.put_object(Bucket=s3.bucket, Key="Elsewhere/x", Body=b"12345")
    with ThreadPoolExecutor(8) as pool:
        put = lambda number: client.put_object(Bucket=s3.bucket, Key=f"Raw/{number:04}.csv", Body=b"ab")  # noqa: E731
        list(pool.map(put, range(1010)))
    assert list_bucket(Bucket(client, s3.bucket), "Raw/", for_s=60) == BucketListing(1010, 2020)
    assert list_bucket(Bucket(client, s3.bucket), for_s=60).objects == 1011
    assert list_bucket(Bucket(client, s3.bucket), at_most=1000, for_s=60) == BucketListing(1000, 2003, more=True)
    assert not list_bucket(Bucket(client, s3.bucket), at_most=1011, for_s=60).more


def test_bucket_deleted_in_mid_run_is_not_made_again(s3: S3) -> None:
    client = eager_client(s3.server)
    ensure.ensure_bucket(Bucket(client, s3.bucket))
    client.delete_bucket(Bucket=s3.bucket)
    with pytest.raises(errors.BucketVanished, match="deleted"):
        list_bucket(Bucket(client, s3.bucket))
    assert s3.bucket not in [item["Name"] for item in client.list_buckets()["Buckets"]]


def test_bucket_with_retention_keeps_each_version_and_says_so(moto: S3Server) -> None:
    bucket = Bucket(eager_client(moto), fresh_bucket_name())
    report = ensure.ensure_bucket(bucket, retention_days=30)
    assert ("object lock", "applied") in [(one.name, one.state) for one in report.settings]
    lock = bucket.client.get_object_lock_configuration(Bucket=bucket.name)["ObjectLockConfiguration"]
    kept = lock["Rule"]["DefaultRetention"]
    assert (kept["Mode"], kept["Days"]) == ("GOVERNANCE", 30)
    looked = ensure.inspect_bucket(bucket, retention_days=30)
    assert looked
    assert ("object lock", "present") in [(one.name, one.state) for one in looked.settings]
    longer = ensure.inspect_bucket(bucket, retention_days=31)
    assert longer
    assert any("put-object-lock-configuration" in warning for warning in longer.warnings)


def test_bucket_that_was_there_without_lock_is_reported_and_not_changed(moto: S3Server) -> None:
    bucket = Bucket(eager_client(moto), fresh_bucket_name())
    bucket.client.create_bucket(Bucket=bucket.name)
    writes = writes_of(bucket.client)
    report = ensure.ensure_bucket(bucket, retention_days=30)
    assert writes == []
    assert any("has no object lock" in warning for warning in report.warnings)


def test_bucket_with_retention_on_a_server_without_lock_is_refused(rclone: S3Server) -> None:
    bucket = Bucket(eager_client(rclone), fresh_bucket_name())
    with pytest.raises(errors.BucketNotHardened, match="keeps no Object Lock"):
        ensure.ensure_bucket(bucket, retention_days=30)


def test_upload_to_a_locked_bucket_that_differs_says_that_it_stays(moto: S3Server, tmp_path: Path) -> None:
    """Nobody may delete a locked version, not even the run that has just written it and found it to differ."""
    bucket = Bucket(eager_client(moto), fresh_bucket_name())
    bucket.client.create_bucket(Bucket=bucket.name, ObjectLockEnabledForBucket=True)
    bucket.client.put_object_lock_configuration(
        Bucket=bucket.name,
        ObjectLockConfiguration={
            "ObjectLockEnabled": "Enabled",
            "Rule": {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 30}},
        },
    )
    write_csv(tmp_path / "a.csv", 60_000)
    with fault_proxy(moto) as proxy:
        proxy.add(Fault("PutObject", altered, times=10))
        through = Bucket(eager_client(proxy.server), bucket.name)
        with pytest.raises(errors.IntegrityError, match="may not be deleted"):
            upload_file(through, tmp_path / "a.csv", profile_of(tmp_path / "a.csv"), RAW)
