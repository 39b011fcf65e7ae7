"""The policies that a dry run prints, against the requests of a copy."""

from __future__ import annotations

import json
from pathlib import Path

from flows.lake.bucket import ensure, iam_policy
from flows.lake.reports.copy_text import policies_text
from flows.lake.s3.bucket import Bucket
from tests.conftest import fresh_bucket_name
from tests.storage.copying.conftest import KEY, make
from tests.tools.fault_proxy import fault_proxy
from tests.tools.servers import S3Server
from tests.tools.uploads import eager_client, write_csv

NEEDS = {
    "GetObject": {"s3:GetObject", "s3:GetObjectVersion"},
    "HeadObject": {"s3:GetObject", "s3:GetObjectVersion"},
    "GetObject tagging": {"s3:GetObjectTagging", "s3:GetObjectVersionTagging"},
    "ListObjectsV2": {"s3:ListBucket"},
}
"""A request on the source, and the actions that it needs, by whether it names a version."""


def test_source_is_only_read_and_each_action_of_its_policy_is_used(moto: S3Server, tmp_path: Path) -> None:
    lakes = make(moto, moto, tmp_path, versioned=True)
    files: dict[str, str | bytes] = {"a.csv": "x\n1\n", "large.csv": write_csv(tmp_path / "l", 40_000)}
    lakes.land(files, signing_key=KEY, tags={"team": "dados"})
    with fault_proxy(moto) as proxy:
        lakes.copy(source=Bucket(eager_client(proxy.server), lakes.source.name))
    used = set()
    for request in proxy.requests:
        tagging = " tagging" if "tagging" in request.path else ""
        used |= NEEDS[f"{request.operation}{tagging}"]
    policy = iam_policy.reading_policy(lakes.source.name)
    allowed: set[str] = set()
    for statement in policy["Statement"]:
        actions = statement["Action"]
        allowed |= {actions} if isinstance(actions, str) else set(actions)
    assert used == allowed


def test_target_of_a_server_side_copy_may_read_the_source(moto: S3Server) -> None:
    source, target = (Bucket(eager_client(moto), fresh_bucket_name()) for _ in "12")
    ensure.ensure_bucket(target)
    text = policies_text(source, target, locked=False, inside=True)
    _, written = (json.loads(part[part.index("{") :]) for part in text.split("An IAM policy")[1:])
    assert [one["Sid"] for one in written["Statement"]] == [
        "CreateAndHardenTheBucket",
        "UseItDaily",
        "ListTheLake",
        "ReadTheLake",
    ]
