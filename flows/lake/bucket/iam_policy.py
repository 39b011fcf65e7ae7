"""The IAM policy that a run needs: the S3 actions of its requests, on its bucket and the prefixes that it writes.

Two statements, so that whoever makes the bucket for a team needs both and the daily run only the second; where another
run has made the bucket, the first can go. `tests/flows/blocks/test_iam_policy.py` compares them, in both directions,
with the requests of recorded runs.

Which action a request needs: https://docs.aws.amazon.com/AmazonS3/latest/API/API_Operations.html and
https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html
"""

from __future__ import annotations

import json
from typing import Any

from flows.lake import keys

CREATE_ACTIONS = (
    "s3:CreateBucket",
    "s3:TagResource",
    "s3:PutBucketOwnershipControls",
    "s3:PutBucketPolicy",
    "s3:PutBucketPublicAccessBlock",
    "s3:PutBucketTagging",
    "s3:PutBucketVersioning",
    "s3:PutEncryptionConfiguration",
    "s3:PutLifecycleConfiguration",
)
"""Making the bucket and hardening it. TagResource: it is tagged in the request that creates it."""

LOCK_ACTIONS = ("s3:PutBucketObjectLockConfiguration",)
LOCK_SETTINGS_ACTIONS = ("s3:GetBucketObjectLockConfiguration",)
"""On top, for a bucket with Object Lock (`retention_days`)."""

SETTINGS_ACTIONS = (
    "s3:GetBucketOwnershipControls",
    "s3:GetBucketPolicy",
    "s3:GetBucketPublicAccessBlock",
    "s3:GetBucketTagging",
    "s3:GetBucketVersioning",
    "s3:GetEncryptionConfiguration",
    "s3:GetLifecycleConfiguration",
)
"""Every run reports the bucket's protections; without these it says that it may not read them, and goes on."""

BUCKET_ACTIONS = ("s3:ListBucket", "s3:ListBucketMultipartUploads")
OBJECT_ACTIONS = (
    "s3:AbortMultipartUpload",
    "s3:DeleteObject",
    "s3:DeleteObjectVersion",
    "s3:GetObject",
    "s3:GetObjectTagging",
    "s3:GetObjectVersion",
    "s3:PutObject",
    "s3:PutObjectTagging",
)
"""The two deletions take away only what the run itself has just written and found to differ from its source."""

READING_ACTIONS = ("s3:GetObject", "s3:GetObjectTagging", "s3:GetObjectVersion", "s3:GetObjectVersionTagging")
"""What copying a lake needs of its source, with a listing of the bucket."""

PREFIXES = tuple(
    f"{prefix.split('/')[0]}/"
    for prefix in (
        keys.RAW_PREFIX,
        keys.QUARANTINE_PREFIX,
        keys.LANDING_PREFIX,
        keys.SUPERSEDED_PREFIX,
        keys.MANIFEST_PREFIX,
        keys.LOG_PREFIX,
        keys.CATALOG_PREFIX,
    )
)
"""Where a run writes; elsewhere in the bucket it only counts objects."""

KMS_ACTIONS = ("kms:Decrypt", "kms:GenerateDataKey")
"""What S3 needs to store objects, also in parts, under a KMS key."""


def policy(
    bucket: str, *, partition: str = "aws", kms_key_arn: str | None = None, locked: bool = False
) -> dict[str, Any]:
    """Return the policy document for runs that write to one bucket.

    Args:
        bucket: The bucket.
        partition: The AWS partition: `aws`, `aws-cn` or `aws-us-gov`.
        kms_key_arn: The key that encrypts the bucket, where it is not S3's own key.
        locked: Whether the bucket is to have Object Lock.
    """
    arn = f"arn:{partition}:s3:::{bucket}"
    create = [*CREATE_ACTIONS, *(LOCK_ACTIONS if locked else ())]
    look = [*SETTINGS_ACTIONS, *(LOCK_SETTINGS_ACTIONS if locked else ())]
    statements: list[dict[str, Any]] = [
        {"Sid": "CreateAndHardenTheBucket", "Effect": "Allow", "Action": create, "Resource": arn},
        {
            "Sid": "UseItDaily",
            "Effect": "Allow",
            "Action": [*BUCKET_ACTIONS, *look, *OBJECT_ACTIONS],
            "Resource": [arn, *(f"{arn}/{prefix}*" for prefix in PREFIXES)],
        },
    ]
    if kms_key_arn:
        key = {"Sid": "UseItsKey", "Effect": "Allow", "Action": [*KMS_ACTIONS], "Resource": kms_key_arn}
        statements.append(key)
    return {"Version": "2012-10-17", "Statement": statements}


def policy_text(bucket: str, *, partition: str = "aws", kms_key_arn: str | None = None, locked: bool = False) -> str:
    """Return the policy as JSON that can be pasted into IAM."""
    return json.dumps(policy(bucket, partition=partition, kms_key_arn=kms_key_arn, locked=locked), indent=2)


def reading_policy(bucket: str, *, partition: str = "aws", kms_key_arn: str | None = None) -> dict[str, Any]:
    """Return the policy document for whoever copies a lake from a bucket: it lists and reads.

    Args:
        bucket: The bucket.
        partition: The AWS partition: `aws`, `aws-cn` or `aws-us-gov`.
        kms_key_arn: The key that encrypts the bucket, where it is not S3's own key.
    """
    arn = f"arn:{partition}:s3:::{bucket}"
    objects = [f"{arn}/{prefix}*" for prefix in PREFIXES]
    statements: list[dict[str, Any]] = [
        {"Sid": "ListTheLake", "Effect": "Allow", "Action": "s3:ListBucket", "Resource": arn},
        {"Sid": "ReadTheLake", "Effect": "Allow", "Action": [*READING_ACTIONS], "Resource": objects},
    ]
    if kms_key_arn:
        statements.append({"Sid": "ReadByItsKey", "Effect": "Allow", "Action": "kms:Decrypt", "Resource": kms_key_arn})
    return {"Version": "2012-10-17", "Statement": statements}
