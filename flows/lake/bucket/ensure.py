"""The run's bucket: made and protected when it is absent, verified and reported when it is there.

Absent means 404 and nothing else: a 403 never leads to a new bucket, and only here, at the start of a run, is one made
at all. A bucket that was there before is used as it is, and nothing about it is changed.

Left to others: names (`flows.lake.s3.bucket_names`), protections (`flows.lake.bucket.hardening`) and what the bucket
holds (`flows.lake.s3.listing`).
"""

from __future__ import annotations

import time
from contextlib import AbstractContextManager
from typing import Any

from botocore.exceptions import ClientError

from flows.lake import errors
from flows.lake.bucket.hardening import PENDING, Hardening, own_tags
from flows.lake.run_models import BucketReport
from flows.lake.s3.bucket import Bucket
from flows.lake.s3.bucket_names import check_bucket_name, is_account_regional
from flows.lake.s3.errors import code_of, status_of, translate

APPEARS_WITHIN_S = 30


def ensure_bucket(
    bucket: Bucket, *, kms_key_id: str | None = None, account: str | None = None, retention_days: int = 0
) -> BucketReport:
    """Make sure that the bucket exists, is ours to use, and is as protected as the server allows.

    Args:
        bucket: The bucket, by a client in the region where it is, or shall be.
        kms_key_id: Encrypt a new bucket with this KMS key instead of SSE-S3.
        account: The account of the credentials, where it is known: it creates no bucket for another one.
        retention_days: How long a new bucket keeps each version from everybody (Object Lock); 0 for no lock.

    Raises:
        BucketNameInvalid: The name breaks S3's rules; nothing was sent.
        BucketNotOurs: It belongs to someone else, or these credentials may not see it.
        BucketInOtherRegion: It is in another region than the client.
        BucketNotHardened: It was made on AWS, but a required protection was refused; the next run tries again.
        StorageError: Anything else that S3 answers, or no answer.
    """
    access = _Access(bucket)
    hardening = Hardening(bucket, kms_key_id, retention_days)
    with access.doing("looking for"):
        region = access.look()
    if region is not None:
        with access.doing("checking"):
            settings = hardening.apply() if hardening.is_unfinished() else hardening.inspect()
            return BucketReport(bucket.name, False, region, settings)
    if account and bucket.owner and account != bucket.owner:
        raise access.would_be_ours(account)
    with access.doing("creating"):
        created = access.create(locked=retention_days > 0)
        if created and not bucket.is_on_aws:
            hardening.tag(PENDING)  # on AWS it was created with the tag
    with access.doing("protecting"):
        return BucketReport(bucket.name, created, access.look() or bucket.region, hardening.apply())


def inspect_bucket(bucket: Bucket, *, retention_days: int = 0) -> BucketReport | None:
    """Look at a bucket without changing anything, for a dry run; `None` when there is no such bucket.

    Raises:
        StorageError: As `ensure_bucket`.
    """
    access = _Access(bucket)
    with access.doing("looking for"):
        region = access.look()
        if region is None:
            return None
        return BucketReport(bucket.name, False, region, Hardening(bucket, retention_days=retention_days).inspect())


class _Access:
    """Finding, judging and creating one bucket."""

    def __init__(self, bucket: Bucket) -> None:
        check_bucket_name(bucket.name)
        self.bucket = bucket
        self.name = bucket.name
        self.client = bucket.client

    def doing(self, what: str) -> AbstractContextManager[None]:
        """Translate botocore's errors inside the block."""
        return self.bucket.doing(f"{what} bucket {self.name!r}")

    def look(self) -> str | None:
        """Return the region of the bucket, or `None` when there is no such bucket."""
        try:
            answer = self.client.head_bucket(**self.bucket.where)
        except ClientError as error:
            if status_of(error) == 404:
                return None
            headers = error.response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
            other = headers.get("x-amz-bucket-region")
            if status_of(error) in (301, 307):
                raise self._other_region(other or "another region") from error
            self._explain_refusal(error)
            return other or self.bucket.region
        region: str = answer.get("BucketRegion") or self.bucket.region
        if self.bucket.is_on_aws and region != self.bucket.region:
            raise self._other_region(region)
        return region

    def _other_region(self, region: str) -> errors.BucketInOtherRegion:
        return errors.BucketInOtherRegion(
            f"Bucket {self.name!r} is in {region}, but the credentials block names {self.bucket.region}.",
            remedy="Name the bucket's region in the block, or choose another bucket.",
            bucket=self.name,
        )

    def _explain_refusal(self, refusal: ClientError) -> None:
        """Raise what is behind a refused HEAD, which has no body and so no code; a listing's refusal has both."""
        try:
            self.client.list_objects_v2(MaxKeys=1, **self.bucket.where)
        except ClientError as error:
            if code_of(error) in ("AccessDenied", "AllAccessDisabled"):
                raise self._not_ours() from error
            raise translate(error, f"looking for bucket {self.name!r}", bucket=self.name) from error
        if status_of(refusal) != 403:
            raise translate(refusal, f"looking for bucket {self.name!r}", bucket=self.name) from refusal

    @property
    def _expected(self) -> str:
        return f" than {self.bucket.owner}" if self.bucket.owner else ""

    def _not_ours(self) -> errors.BucketNotOurs:
        return errors.BucketNotOurs(
            f"Bucket {self.name!r} exists, but it belongs to someone else{self._expected} or these credentials may "
            "not use it.",
            remedy="Choose another bucket (names are global; lake-{account}-{region}-an is nobody else's), or give "
            "these credentials s3:ListBucket on it.",
            bucket=self.name,
        )

    def would_be_ours(self, account: str) -> errors.BucketNotOurs:
        """Return the error for a bucket that is to be someone else's, and that nobody has made yet."""
        return errors.BucketNotOurs(
            f"There is no bucket {self.name!r}; account {account} would create it, and it must belong to "
            f"{self.bucket.owner}.",
            remedy="Correct expected_bucket_owner, or let that account create the bucket.",
            bucket=self.name,
        )

    def create(self, *, locked: bool = False) -> bool:
        """Create the bucket, with Object Lock if it is to be; return `False` when another run of ours was quicker."""
        arguments: dict[str, Any] = {"Bucket": self.name} | ({"ObjectLockEnabledForBucket": True} if locked else {})
        configuration: dict[str, Any] = {}
        if self.bucket.region != "us-east-1":
            configuration["LocationConstraint"] = self.bucket.region
        if self.bucket.is_on_aws:
            configuration["Tags"] = own_tags(PENDING)
        if self.bucket.is_on_aws and is_account_regional(self.name):
            arguments["BucketNamespace"] = "account-regional"
        if configuration:
            arguments["CreateBucketConfiguration"] = configuration
        try:
            self.client.create_bucket(**arguments)
        except ClientError as error:
            if code_of(error) == "BucketAlreadyOwnedByYou":
                return False
            if code_of(error) != "BucketAlreadyExists":
                raise
            # Two runs at once: servers other than AWS say this to the owner, too. Whoever may use it goes on.
            if self.bucket.is_on_aws or self.look() is None:
                raise self._not_ours() from error
            return False
        deadline = time.monotonic() + APPEARS_WITHIN_S
        while self.look() is None and time.monotonic() < deadline:
            time.sleep(0.5)
        return True
