"""The protections of a bucket: how each is set, read back and judged, and the command with which a person sets it.

One table serves all uses, so that what the flow applies, what it checks and what it tells the user to type cannot
drift apart. Nothing counts as applied because a server said yes: some take a sub-resource they do not know for a
request to create the bucket, so each setting is read back.

Left to others: when a setting is required and what to do about one that is missing (`flows.lake.bucket.ensure`).
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from botocore import xform_name

ABORT_AFTER_DAYS = 7
TAG_MADE_BY = "made-by"
TAG_STATE = "raw-lake-protections"
MADE_BY = "csv-to-raw-lake"
VERSIONING = "versioning"
OBJECT_LOCK = "object lock"

Answer = Mapping[str, Any]


@dataclass(frozen=True)
class Protection:
    """One setting of a bucket.

    Attributes:
        name: What a person calls it.
        setting: The name of the setting in boto3's methods, behind `put_` and `get_`.
        arguments: What `put_` takes besides the bucket.
        holds: Judges what `get_` answered: `True`, `False`, or `None` for an answer that S3 never gives, which
            says that the server does not know the setting.
        shared: The setting is one document with other people's rules in it, which `put_` replaces as a whole.
    """

    name: str
    setting: str
    arguments: Mapping[str, Any]
    holds: Callable[[Answer], bool | None]
    shared: bool = False

    def command(self, bucket: str, endpoint_url: str | None) -> str:
        """Return the AWS CLI command that applies the setting.

        Args:
            bucket: The bucket.
            endpoint_url: The address of a server other than AWS.
        """
        words = ["aws", "s3api", f"put-{self.setting.replace('_', '-')}", "--bucket", bucket]
        for name, value in self.arguments.items():
            words += [f"--{xform_name(name, '-')}", value if isinstance(value, str) else json.dumps(value)]
        if endpoint_url:
            words += ["--endpoint-url", endpoint_url]
        return shlex.join(words)


def _public_access(answer: Answer) -> bool | None:
    blocks = answer.get("PublicAccessBlockConfiguration")
    return None if not blocks else all(blocks.get(name) is True for name in _PUBLIC_ACCESS)


def _ownership(answer: Answer) -> bool | None:
    rules = answer.get("OwnershipControls", {}).get("Rules")
    return None if not rules else any(rule.get("ObjectOwnership") == "BucketOwnerEnforced" for rule in rules)


def _encryption(algorithm: str | None) -> Callable[[Answer], bool | None]:
    def holds(answer: Answer) -> bool | None:
        rules = answer.get("ServerSideEncryptionConfiguration", {}).get("Rules")
        if not rules:
            return None
        used = [rule.get("ApplyServerSideEncryptionByDefault", {}).get("SSEAlgorithm") for rule in rules]
        return any(name == algorithm if algorithm else name for name in used)

    return holds


def _versioning(answer: Answer) -> bool:
    return bool(answer.get("Status") == "Enabled")


def _tls_only(answer: Answer) -> bool | None:
    try:
        statements = json.loads(answer["Policy"])["Statement"]
    except (KeyError, TypeError, ValueError):
        return None
    return any(
        statement.get("Effect") == "Deny"
        and str(statement.get("Condition", {}).get("Bool", {}).get("aws:SecureTransport")).lower() == "false"
        for statement in ([statements] if isinstance(statements, dict) else statements)
    )


def _locked_for(days: int) -> Callable[[Answer], bool | None]:
    def holds(answer: Answer) -> bool | None:
        lock = answer.get("ObjectLockConfiguration")
        if not lock:
            return None
        kept = lock.get("Rule", {}).get("DefaultRetention", {})
        return bool(max(kept.get("Days") or 0, 365 * (kept.get("Years") or 0)) >= days)

    return holds


def _lifecycle(answer: Answer) -> bool | None:
    rules = answer.get("Rules")
    if not rules:
        return None
    return any(rule.get("Status") == "Enabled" and rule.get("AbortIncompleteMultipartUpload") for rule in rules)


_PUBLIC_ACCESS = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")


def tls_only_policy(bucket: str, partition: str = "aws") -> str:
    """Return the bucket policy, as JSON, that refuses whoever does not come over TLS."""
    arn = f"arn:{partition}:s3:::{bucket}"
    statement = {
        "Sid": "DenyPlainHttp",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [arn, f"{arn}/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def protections(
    bucket: str,
    *,
    kms_key_id: str | None = None,
    tls: bool = True,
    partition: str = "aws",
    retention_days: int = 0,
) -> tuple[Protection, ...]:
    """Return the protections that a bucket of the lake has, in the order in which they are applied.

    Args:
        bucket: The bucket.
        kms_key_id: Encrypt with this KMS key, through a bucket key, instead of SSE-S3.
        tls: The endpoint speaks TLS. Where it does not, a policy against plain HTTP would lock the run itself out.
        partition: The AWS partition in the bucket's ARN.
        retention_days: How long each version is kept from everybody; 0 for a bucket without Object Lock.
    """
    default: dict[str, Any] = {"SSEAlgorithm": "aws:kms" if kms_key_id else "AES256"}
    if kms_key_id:
        default["KMSMasterKeyID"] = kms_key_id
    encryption = {"Rules": [{"ApplyServerSideEncryptionByDefault": default, "BucketKeyEnabled": bool(kms_key_id)}]}
    abort = {
        "ID": "abort-incomplete-uploads",
        "Status": "Enabled",
        "Filter": {"Prefix": ""},
        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": ABORT_AFTER_DAYS},
    }
    blocks = {"PublicAccessBlockConfiguration": dict.fromkeys(_PUBLIC_ACCESS, True)}
    owner = {"OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}}
    rules: tuple[Protection, ...] = (
        Protection("public access block", "public_access_block", blocks, _public_access),
        Protection("bucket owner enforced", "bucket_ownership_controls", owner, _ownership),
        Protection(
            "encryption",
            "bucket_encryption",
            {"ServerSideEncryptionConfiguration": encryption},
            _encryption("aws:kms" if kms_key_id else None),
        ),
        Protection(VERSIONING, "bucket_versioning", {"VersioningConfiguration": {"Status": "Enabled"}}, _versioning),
        Protection(
            "abort of incomplete uploads",
            "bucket_lifecycle_configuration",
            {"LifecycleConfiguration": {"Rules": [abort]}},
            _lifecycle,
            shared=True,
        ),
    )
    if retention_days:
        kept = {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": retention_days}}
        lock = {"ObjectLockConfiguration": {"ObjectLockEnabled": "Enabled", "Rule": kept}}
        rules += (Protection(OBJECT_LOCK, "object_lock_configuration", lock, _locked_for(retention_days)),)
    if not tls:
        return rules
    policy = {"Policy": tls_only_policy(bucket, partition)}
    return (*rules, Protection("TLS only", "bucket_policy", policy, _tls_only, shared=True))
