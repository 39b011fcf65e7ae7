"""The run's bucket: made and protected when it is absent, verified and reported when it is there.

Absent means 404 and nothing else: a 403 never leads to a new bucket, and only here, at the start of a run, is one made
at all. A bucket that was there before is used as it is, and nothing about it is changed.

Left to others: names (`flows.lake.s3.bucket_names`), protections (`flows.lake.bucket.hardening`) and what the bucket
holds (`flows.lake.s3.listing`).
"""

from __future__ import annotations

import time
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from flows.lake import errors
from flows.lake.bucket.hardening import PENDING, BucketSetting, Hardening, own_tags
from flows.lake.s3.bucket_names import check_bucket_name, expand_bucket_name, is_account_regional
from flows.lake.s3.client import is_aws, use_own_retries
from flows.lake.s3.errors import code_of, status_of, translate, translated
from flows.lake.s3.listing import BucketListing, list_bucket

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

__all__ = [
    "BucketListing",
    "BucketReport",
    "BucketSetting",
    "check_bucket_name",
    "ensure_bucket",
    "expand_bucket_name",
    "inspect_bucket",
    "list_bucket",
]

APPEARS_WITHIN_S = 30


@dataclass(frozen=True)
class BucketReport:
    """The bucket of a run.

    Attributes:
        name: The bucket.
        created: This run made it.
        region: The region that the server names, else the client's.
        settings: Its protections.
        notes: What else a person should know, a sentence each.
    """

    name: str
    created: bool
    region: str
    settings: tuple[BucketSetting, ...]
    notes: tuple[str, ...] = ()

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a person should mend, a sentence each with the command that does it."""
        missing = tuple(
            f"Bucket {self.name!r} has no {setting.name} ({setting.detail})."
            + (f" Add it with: {setting.remedy}" if setting.remedy else "")
            for setting in self.settings
            if setting.state == "missing"
        )
        return missing + self.notes

    @property
    def not_offered(self) -> tuple[str, ...]:
        """The names of the protections that the server does not know."""
        return tuple(setting.name for setting in self.settings if setting.state == "not offered")


def ensure_bucket(
    client: S3Client,
    bucket: str,
    *,
    expected_owner: str | None = None,
    kms_key_id: str | None = None,
    account: str | None = None,
) -> BucketReport:
    """Make sure that the bucket exists, is ours to use, and is as protected as the server allows.

    Args:
        client: An S3 client in the region where the bucket is, or shall be.
        bucket: The bucket.
        expected_owner: The 12-digit account that must own it; sent with every request.
        kms_key_id: Encrypt a new bucket with this KMS key instead of SSE-S3.
        account: The account of the credentials, where it is known: it creates no bucket for another one.

    Raises:
        BucketNameInvalid: The name breaks S3's rules; nothing was sent.
        BucketNotOurs: It belongs to someone else, or these credentials may not see it.
        BucketInOtherRegion: It is in another region than the client.
        BucketNotHardened: It was made on AWS, but a required protection was refused; the next run tries again.
        StorageError: Anything else that S3 answers, or no answer.
    """
    access = _Access(client, bucket, expected_owner)
    hardening = Hardening(client, bucket, access.owner, kms_key_id)
    with access.doing("looking for"):
        region = access.look()
    if region is not None:
        with access.doing("checking"):
            settings = hardening.apply() if hardening.is_unfinished() else hardening.inspect()
            return BucketReport(bucket, False, region, settings)
    if account and expected_owner and account != expected_owner:
        raise access.would_be_ours(account, expected_owner)
    with access.doing("creating"):
        created = access.create()
        if created and not access.aws:
            hardening.tag(PENDING)  # on AWS it was created with the tag
    with access.doing("protecting"):
        return BucketReport(bucket, created, access.look() or client.meta.region_name, hardening.apply())


def inspect_bucket(client: S3Client, bucket: str, *, expected_owner: str | None = None) -> BucketReport | None:
    """Look at a bucket without changing anything, for a dry run; `None` when there is no such bucket.

    Raises:
        StorageError: As `ensure_bucket`.
    """
    access = _Access(client, bucket, expected_owner)
    with access.doing("looking for"):
        region = access.look()
        if region is None:
            return None
        return BucketReport(bucket, False, region, Hardening(client, bucket, access.owner, None).inspect())


class _Access:
    """Finding, judging and creating one bucket."""

    def __init__(self, client: S3Client, bucket: str, owner: str | None) -> None:
        check_bucket_name(bucket)
        use_own_retries(client)
        self.client = client
        self.bucket = bucket
        self.owner: dict[str, Any] = {"ExpectedBucketOwner": owner} if owner else {}
        self.aws = is_aws(client)

    def doing(self, what: str) -> AbstractContextManager[None]:
        """Translate botocore's errors inside the block."""
        endpoint = self.client.meta.endpoint_url
        return translated(f"{what} bucket {self.bucket!r}", bucket=self.bucket, endpoint=endpoint)

    def look(self) -> str | None:
        """Return the region of the bucket, or `None` when there is no such bucket."""
        try:
            answer = self.client.head_bucket(Bucket=self.bucket, **self.owner)
        except ClientError as error:
            if status_of(error) == 404:
                return None
            headers = error.response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
            found = headers.get("x-amz-bucket-region")
            if status_of(error) in (301, 307):
                raise self._other_region(found or "another region") from error
            self._explain_refusal(error)
            return found or self.client.meta.region_name
        region: str = answer.get("BucketRegion") or self.client.meta.region_name
        if self.aws and region != self.client.meta.region_name:
            raise self._other_region(region)
        return region

    def _other_region(self, region: str) -> errors.BucketInOtherRegion:
        return errors.BucketInOtherRegion(
            f"Bucket {self.bucket!r} is in {region}, but the credentials block names {self.client.meta.region_name}.",
            remedy="Name the bucket's region in the block, or choose another bucket.",
            bucket=self.bucket,
        )

    def _explain_refusal(self, refusal: ClientError) -> None:
        """Raise what is behind a refused HEAD, which has no body and so no code; a listing's refusal has both."""
        try:
            self.client.list_objects_v2(Bucket=self.bucket, MaxKeys=1, **self.owner)
        except ClientError as error:
            if code_of(error) in ("AccessDenied", "AllAccessDisabled"):
                raise self._not_ours() from error
            raise translate(error, f"looking for bucket {self.bucket!r}", bucket=self.bucket) from error
        if status_of(refusal) != 403:
            raise translate(refusal, f"looking for bucket {self.bucket!r}", bucket=self.bucket) from refusal

    @property
    def _expected(self) -> str:
        return f" than {self.owner['ExpectedBucketOwner']}" if self.owner else ""

    def _not_ours(self) -> errors.BucketNotOurs:
        return errors.BucketNotOurs(
            f"Bucket {self.bucket!r} exists, but it belongs to someone else{self._expected} or these credentials may "
            "not use it.",
            remedy="Choose another bucket (names are global; lake-{account}-{region}-an is nobody else's), or give "
            "these credentials s3:ListBucket on it.",
            bucket=self.bucket,
        )

    def would_be_ours(self, account: str, expected_owner: str) -> errors.BucketNotOurs:
        """Return the error for a bucket that is to be someone else's, and that nobody has made yet."""
        return errors.BucketNotOurs(
            f"There is no bucket {self.bucket!r}; account {account} would create it, and it must belong to "
            f"{expected_owner}.",
            remedy="Correct expected_bucket_owner, or let that account create the bucket.",
            bucket=self.bucket,
        )

    def create(self) -> bool:
        """Create the bucket; return `False` when another run of ours was quicker."""
        arguments: dict[str, Any] = {"Bucket": self.bucket}
        configuration: dict[str, Any] = {}
        if self.client.meta.region_name != "us-east-1":
            configuration["LocationConstraint"] = self.client.meta.region_name
        if self.aws:
            configuration["Tags"] = own_tags(PENDING)
        if self.aws and is_account_regional(self.bucket):
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
            if self.aws or self.look() is None:
                raise self._not_ours() from error
            return False
        deadline = time.monotonic() + APPEARS_WITHIN_S
        while self.look() is None and time.monotonic() < deadline:
            time.sleep(0.5)
        return True
