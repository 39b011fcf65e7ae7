"""Whether a server keeps tags of objects: one keeps them, one forgets them without a word, one refuses them."""

from __future__ import annotations

from typing import Any

import pytest

from flows.lake.bucket.access import keeps_tags
from flows.lake.errors import AccessDenied
from flows.lake.s3.bucket import Bucket
from tests.conftest import S3
from tests.tools import fault_proxy as faults
from tests.tools.fault_proxy import Fault, fault_proxy
from tests.tools.lakes import everything
from tests.tools.servers import S3Server
from tests.tools.uploads import eager_client


@pytest.fixture
def bucket(s3: S3) -> Bucket:
    bucket = Bucket(eager_client(s3.server), s3.bucket)
    bucket.client.create_bucket(Bucket=bucket.name)
    return bucket


def test_tags_are_asked_for_where_the_server_may_forget_them_and_nothing_is_left(bucket: Bucket, s3: S3) -> None:
    assert keeps_tags(bucket) is (s3.server.name == "moto")
    assert everything(bucket.client, bucket.name) == {}


def test_tags_question_of_a_dry_run_writes_nothing(bucket: Bucket) -> None:
    requested: list[str] = []
    bucket.client.meta.events.register("before-call.s3.*", lambda model, **_: requested.append(model.name))
    assert keeps_tags(bucket, may_write=False)
    assert requested == ["GetObjectTagging"]


@pytest.mark.parametrize("s3", ["moto"], indirect=True)
def test_tags_question_leaves_no_version(bucket: Bucket) -> None:
    bucket.client.put_bucket_versioning(Bucket=bucket.name, VersioningConfiguration={"Status": "Enabled"})
    assert keeps_tags(bucket)
    found = bucket.client.list_object_versions(Bucket=bucket.name)
    assert "Versions" not in found
    assert "DeleteMarkers" not in found


@pytest.mark.parametrize("s3", ["moto"], indirect=True)
def test_tags_question_on_a_bucket_with_object_lock_is_answered(moto: S3Server, s3: S3) -> None:
    client = eager_client(moto)
    client.create_bucket(Bucket=s3.bucket, ObjectLockEnabledForBucket=True)
    rule: Any = {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 1}}
    client.put_object_lock_configuration(
        Bucket=s3.bucket, ObjectLockConfiguration={"ObjectLockEnabled": "Enabled", "Rule": rule}
    )
    assert keeps_tags(Bucket(client, s3.bucket))


@pytest.mark.parametrize("s3", ["moto"], indirect=True)
@pytest.mark.parametrize("operation", ["PutObject", "GetObject"])
def test_tags_that_a_server_refuses_are_not_kept_and_what_is_forbidden_is_told(
    bucket: Bucket, moto: S3Server, operation: str
) -> None:
    with fault_proxy(moto) as proxy:
        there = Bucket(eager_client(proxy.server), bucket.name)
        proxy.add(Fault(operation, faults.refused(501, "NotImplemented"), times=9))
        assert not keeps_tags(there)
        proxy.faults.clear()
        proxy.add(Fault("PutObject", faults.refused(403, "AccessDenied"), times=9))
        with pytest.raises(AccessDenied):
            keeps_tags(there)
    assert everything(bucket.client, bucket.name) == {}
