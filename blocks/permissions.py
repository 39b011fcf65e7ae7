"""Says what a block's credentials may do in a bucket, without writing, and which policy they need.

S3 is asked by reading (`flows.lake.bucket.access`). On AWS, IAM is asked too: it simulates its policies for the
identity, also for actions that write, if it may be asked; it knows nothing of bucket policies, so what S3 itself
answered counts more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botocore import exceptions as boto
from botocore.parsers import ResponseParserError

from blocks.identity import QUICK
from flows.lake.bucket import access, iam_policy
from flows.lake.s3.client import is_aws

if TYPE_CHECKING:
    from blocks.identity import Identity
    from blocks.lake_credentials import LakeCredentials
    from flows.lake.s3.bucket import Bucket


def report(
    credentials: LakeCredentials,
    bucket: Bucket,
    *,
    exists: bool,
    kms_key_id: str | None = None,
    locked: bool = False,
) -> str:
    """Return what the credentials may do in the bucket, when they expire, and the policy that a run needs.

    Args:
        credentials: The block.
        bucket: The bucket.
        exists: Whether it is there; else a run would create it.
        kms_key_id: The key of a bucket that a run would create, by id, ARN or alias.
        locked: Whether the bucket is to have Object Lock.

    Raises:
        StorageError: There was no answer, or one about the credentials themselves.
    """
    identity = credentials.identity()
    partition = bucket.client.meta.partition
    may = simulate(credentials, identity, bucket.name) if is_aws(credentials.endpoint_url) else {}
    wanted = [*iam_policy.BUCKET_ACTIONS, *iam_policy.SETTINGS_ACTIONS, *iam_policy.OBJECT_ACTIONS]
    if exists:
        may |= access.ask_by_reading(bucket)
    else:
        wanted = [*iam_policy.CREATE_ACTIONS, *wanted]
    key = _key_arn(kms_key_id, identity, bucket.region, partition)
    return (
        f"{identity.sentence()}\n"
        f"What they may do in bucket {bucket.name!r}, of what a run needs:\n{access.access_text(wanted, may)}\n"
        "An IAM policy with just that, to paste:\n"
        f"{iam_policy.policy_text(bucket.name, partition=partition, kms_key_arn=key, locked=locked)}"
    )


def simulate(credentials: LakeCredentials, identity: Identity, bucket: str) -> dict[str, bool]:
    """Return what IAM's policies say to each action that a run needs; empty where IAM does not answer.

    See https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html; it needs the permission
    `iam:SimulatePrincipalPolicy` (and `iam:GetRole` for a role with a path), which a run does not need.
    """
    allowed: dict[str, bool] = {}
    try:
        iam = credentials.get_client("iam", QUICK)
        principal = _principal(iam, identity.arn or "")
        for statement in iam_policy.policy(bucket, partition=iam.meta.partition)["Statement"]:
            of_bucket = [action for action in statement["Action"] if action not in iam_policy.OBJECT_ACTIONS]
            of_objects = [action for action in statement["Action"] if action in iam_policy.OBJECT_ACTIONS]
            arn, *objects = [statement["Resource"]] if isinstance(statement["Resource"], str) else statement["Resource"]
            for actions, resources in ((of_bucket, [arn]), (of_objects, objects)):
                if not actions:
                    continue
                pages = iam.get_paginator("simulate_principal_policy").paginate(
                    PolicySourceArn=principal, ActionNames=actions, ResourceArns=resources
                )
                for page in pages:
                    for result in page["EvaluationResults"]:
                        name = result["EvalActionName"]
                        allowed[name] = allowed.get(name, True) and result["EvalDecision"] == "allowed"
    except (boto.ClientError, boto.BotoCoreError, ResponseParserError):
        return {}
    return allowed


def _principal(iam: Any, arn: str) -> str:
    """Return the user or role that IAM knows behind an identity, which names a session where there is one."""
    if ":assumed-role/" not in arn:
        return arn
    role = arn.split("/")[1]
    try:
        role_arn: str = iam.get_role(RoleName=role)["Role"]["Arn"]
    except boto.ClientError:
        partition, account = arn.split(":")[1], arn.split(":")[4]
        return f"arn:{partition}:iam::{account}:role/{role}"  # right for a role without a path
    return role_arn


def _key_arn(key: str | None, identity: Identity, region: str, partition: str) -> str | None:
    if not key or key.startswith("arn:"):
        return key or None
    # An alias cannot stand in a policy: it can be pointed at another key.
    name = "key/KEY-ID-OF-" + key.replace("/", "-") if key.startswith("alias/") else f"key/{key}"
    return f"arn:{partition}:kms:{region}:{identity.account or 'ACCOUNT'}:{name}"
