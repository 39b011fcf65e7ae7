"""What credentials may do in a bucket, asked by requests that read, and whether the server keeps tags.

Whether they may write cannot be asked of S3 without writing; IAM can be asked instead (`blocks.permissions`).
"""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Iterable, Mapping
from typing import Any

from botocore.exceptions import ClientError
from botocore.parsers import ResponseParserError

from flows.lake.bucket import iam_policy
from flows.lake.errors import CredentialsError
from flows.lake.s3.bucket import Bucket
from flows.lake.s3.errors import code_of, status_of, translate
from flows.lake.s3.s3_object import md5_text

ABSENT_KEY = f"{iam_policy.PREFIXES[0]}.access-check"
"""A key that holds nothing: S3 says 404 to those who may read there and 403 to the others."""

_REQUESTS: dict[str, tuple[str, dict[str, Any]]] = {
    "s3:GetBucketOwnershipControls": ("get_bucket_ownership_controls", {}),
    "s3:GetBucketPolicy": ("get_bucket_policy", {}),
    "s3:GetBucketPublicAccessBlock": ("get_public_access_block", {}),
    "s3:GetBucketTagging": ("get_bucket_tagging", {}),
    "s3:GetBucketVersioning": ("get_bucket_versioning", {}),
    "s3:GetEncryptionConfiguration": ("get_bucket_encryption", {}),
    "s3:GetLifecycleConfiguration": ("get_bucket_lifecycle_configuration", {}),
    "s3:ListBucket": ("list_objects_v2", {"MaxKeys": 1}),
    "s3:ListBucketMultipartUploads": ("list_multipart_uploads", {"MaxUploads": 1}),
    "s3:GetObject": ("head_object", {"Key": ABSENT_KEY}),
}
"""Action to a request that only reads and that needs no other action."""


def ask_by_reading(bucket: Bucket) -> dict[str, bool]:
    """Return for each action that can be tried by reading whether these credentials may do it.

    Args:
        bucket: A bucket that exists.

    Raises:
        StorageError: There was no answer, or one about the credentials themselves.
    """
    answers = {}
    with bucket.doing(f"asking what may be done in bucket {bucket.name!r}"):
        for action, (request, arguments) in _REQUESTS.items():
            try:
                getattr(bucket.client, request)(**bucket.where, **arguments)
                answers[action] = True
            except ClientError as error:
                if status_of(error) >= 500 or isinstance(translate(error, "asking"), CredentialsError):
                    raise
                # Any other error means that the action is allowed: S3 checks permission first.
                answers[action] = status_of(error) not in (401, 403)
    return answers


def keeps_tags(bucket: Bucket, *, may_write: bool = True) -> bool:
    """Say whether the server keeps tags of objects: R2 and B2 refuse them, `rclone serve s3` takes them and forgets.

    Args:
        bucket: The bucket.
        may_write: Put an empty object with a tag, ask for it, and take the object away again: nothing else shows
            a server that forgets. AWS is not asked so. Without it, such a server is believed.

    Raises:
        StorageError: There was no answer, or one about the credentials.
    """
    with bucket.doing(f"asking whether {bucket.endpoint} keeps tags of objects"):
        try:
            bucket.client.get_object_tagging(Key=ABSENT_KEY, **bucket.where)
        except ClientError as error:
            if status_of(error) in (401, 403) and isinstance(translate(error, "asking"), CredentialsError):
                raise
            if _is_not_offered(error):
                return False
        return bucket.is_on_aws or not may_write or _keeps_a_tag(bucket)


def _keeps_a_tag(bucket: Bucket) -> bool:
    where: dict[str, Any] = bucket.where | {
        "Key": f"{ABSENT_KEY}-{uuid.uuid4().hex[:8]}"
    }  # of this run alone: others ask meanwhile
    try:
        # A bucket with Object Lock takes nothing without the MD5; what it then keeps is empty.
        put = bucket.client.put_object(Body=b"", ContentMD5=md5_text(None), Tagging="kept=yes", **where)
    except ClientError as error:
        if _is_not_offered(error):
            return False
        raise
    version: dict[str, Any] = {"VersionId": put["VersionId"]} if put.get("VersionId") else {}
    try:
        answer = bucket.client.get_object_tagging(**where, **version)
        return {"Key": "kept", "Value": "yes"} in answer.get("TagSet", [])
    except ClientError as error:
        if _is_not_offered(error) or status_of(error) == 404:
            return False
        raise
    except ResponseParserError:
        return False  # some servers answer with the object
    finally:
        with contextlib.suppress(ClientError):
            bucket.client.delete_object(**where, **version)


def _is_not_offered(error: ClientError) -> bool:
    return status_of(error) in (405, 501) or code_of(error) == "NotImplemented"


def access_text(wanted: Iterable[str], may: Mapping[str, bool]) -> str:
    """Return which of the actions that a run needs are allowed, which are not, and which nobody could tell."""
    groups: dict[str, list[str]] = {"yes": [], "no": [], "not known": []}
    for action in wanted:
        groups["not known" if action not in may else "yes" if may[action] else "no"].append(action)
    lines = [f"{said + ':':<11}{', '.join(actions)}" for said, actions in groups.items() if actions]
    if groups["not known"]:
        lines.append("What is not known cannot be asked of S3 without writing, and IAM did not answer.")
    return "\n".join(lines)
