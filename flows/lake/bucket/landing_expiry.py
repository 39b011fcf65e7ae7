"""The lifecycle rule that ends the originals of masked files, on buckets that this project made.

Key decision: a bucket that somebody else made is not changed, as elsewhere; what to set is said instead. A lifecycle is
one document for all rules, so that ours is put beside those that are there.
"""

from __future__ import annotations

import json
import shlex
from typing import Any

from botocore.exceptions import ClientError

from flows.lake import keys
from flows.lake.bucket.hardening import MERGE, Hardening
from flows.lake.run_models import BucketSetting
from flows.lake.s3.bucket import Bucket
from flows.lake.s3.errors import code_of, status_of

RULE_ID = "landing-expires"
NAME = "expiry of originals"
PREFIX = f"{keys.LANDING_PREFIX.split('/')[0]}/"


def rule(days: int) -> dict[str, Any]:
    """Return the rule that ends originals after some days; in a bucket with versions, a day later for good."""
    return {
        "ID": RULE_ID,
        "Status": "Enabled",
        "Filter": {"Prefix": PREFIX},
        "Expiration": {"Days": days},
        "NoncurrentVersionExpiration": {"NoncurrentDays": 1},
    }


def ensure_expiry(bucket: Bucket, days: int) -> BucketSetting:
    """Make sure that originals expire, and say whether they do.

    Args:
        bucket: The bucket that keeps them.
        days: After how many days; one or more.

    Raises:
        StorageError: What S3 answers beyond that it cannot, or no answer.
    """
    with bucket.doing(f"setting the {NAME}"):
        try:
            rules = _rules(bucket)
            if any(_ends(one, days) for one in rules):
                return BucketSetting(NAME, "present", f"after {days} days")
            hardening = Hardening(bucket)
            if not hardening.is_ours():
                if all(setting.state == "not offered" for setting in hardening.inspect()):
                    return BucketSetting(NAME, "not offered", "the server knows no such rules")
                return BucketSetting(NAME, "missing", "not set", _command(bucket, days))
            kept = [one for one in rules if one.get("ID") != RULE_ID]
            configuration: Any = {"Rules": [*kept, rule(days)]}
            bucket.client.put_bucket_lifecycle_configuration(LifecycleConfiguration=configuration, **bucket.where)
            if any(_ends(one, days) for one in _rules(bucket)):
                return BucketSetting(NAME, "applied", f"after {days} days")
        except ClientError as error:
            if code_of(error) == "NoSuchBucket":
                raise
            if status_of(error) == 403:
                return BucketSetting(
                    NAME, "unknown", "these credentials may not look or set it", _command(bucket, days)
                )
            return BucketSetting(NAME, "not offered", f"the server answered {code_of(error)}")
    return BucketSetting(NAME, "not offered", "the server said yes and keeps nothing")


def _rules(bucket: Bucket) -> list[Any]:
    try:
        return list(bucket.client.get_bucket_lifecycle_configuration(**bucket.where).get("Rules", ()))
    except ClientError as error:
        if code_of(error) != "NoSuchLifecycleConfiguration":
            raise
        return []


def _ends(one: Any, days: int) -> bool:
    prefix = one.get("Filter", {}).get("Prefix", one.get("Prefix"))
    ends = one.get("Expiration", {}).get("Days") == days
    return bool(one.get("Status") == "Enabled" and prefix == PREFIX and ends and "NoncurrentVersionExpiration" in one)


def _command(bucket: Bucket, days: int) -> str:
    words = ["aws", "s3api", "put-bucket-lifecycle-configuration", "--bucket", bucket.name]
    words += ["--lifecycle-configuration", json.dumps({"Rules": [rule(days)]})]
    return shlex.join(words) + MERGE
