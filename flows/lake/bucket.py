"""The run's bucket: made and hardened when it is absent, verified and reported when it is there.

Absent means 404 and nothing else: a 403 never leads to a new bucket. A bucket that this project makes carries a tag
from its first moment that says whether its protections are complete, so that the next run finishes what a killed one
began; a bucket without that tag is somebody's own, and nothing in it is changed. Against AWS every protection is
required; other servers offer some of them, and what they do not offer is reported as such.

Left to others: names (`flows.lake.bucket_names`) and the settings themselves (`flows.lake.bucket_settings`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from botocore.exceptions import ClientError

from flows.lake import bucket_settings as settings
from flows.lake import errors
from flows.lake.bucket_names import check_bucket_name, expand_bucket_name, is_account_regional
from flows.lake.s3_client import is_aws, speaks_tls, use_own_retries
from flows.lake.s3_errors import code_of, status_of, translate, translated

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

__all__ = [
    "BucketListing",
    "BucketReport",
    "BucketSetting",
    "check_bucket_name",
    "ensure_bucket",
    "expand_bucket_name",
    "list_bucket",
]

State = Literal["applied", "present", "missing", "not offered", "unknown"]
APPEARS_WITHIN_S = 30


@dataclass(frozen=True)
class BucketSetting:
    """One protection of the bucket as a run found or left it.

    Attributes:
        name: What it is called.
        state: Applied by this run, present before, missing, not offered by the server, or unknown because these
            credentials may not look.
        detail: What was seen.
        remedy: The command that adds what is missing, or `None`.
    """

    name: str
    state: State
    detail: str
    remedy: str | None = None


@dataclass(frozen=True)
class BucketReport:
    """The bucket of a run.

    Attributes:
        name: The bucket.
        created: This run made it.
        region: The region that the server names, else the client's.
        settings: Its protections.
    """

    name: str
    created: bool
    region: str
    settings: tuple[BucketSetting, ...]

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a person should mend, a sentence each with the command that does it."""
        return tuple(
            f"Bucket {self.name!r} has no {setting.name} ({setting.detail})."
            + (f" Add it with: {setting.remedy}" if setting.remedy else "")
            for setting in self.settings
            if setting.state == "missing"
        )

    @property
    def not_offered(self) -> tuple[str, ...]:
        """The names of the protections that the server does not know."""
        return tuple(setting.name for setting in self.settings if setting.state == "not offered")


@dataclass(frozen=True)
class BucketListing:
    """What a bucket holds under a prefix: the number of objects, and the sum of their sizes in bytes."""

    objects: int
    size_bytes: int


def ensure_bucket(
    client: S3Client, bucket: str, *, expected_owner: str | None = None, kms_key_id: str | None = None
) -> BucketReport:
    """Make sure that the bucket exists, is ours to use, and is as protected as the server allows.

    Args:
        client: An S3 client in the region where the bucket is, or shall be.
        bucket: The bucket.
        expected_owner: The 12-digit account that must own it; sent with every request.
        kms_key_id: Encrypt a new bucket with this KMS key instead of SSE-S3.

    Raises:
        BucketNameInvalid: The name breaks S3's rules; nothing was sent.
        BucketNotOurs: It belongs to someone else, or these credentials may not see it.
        BucketInOtherRegion: It is in another region than the client.
        BucketNotHardened: It was made on AWS, but a required protection was refused; the next run tries again.
        StorageError: Anything else that S3 answers, or no answer.
    """
    check_bucket_name(bucket)
    use_own_retries(client)
    work = _Work(client, bucket, expected_owner, kms_key_id)
    with translated(f"looking for bucket {bucket!r}", bucket=bucket, endpoint=client.meta.endpoint_url):
        region = work.look()
    if region is None:
        with translated(f"creating bucket {bucket!r}", bucket=bucket, endpoint=client.meta.endpoint_url):
            created = work.create()
        with translated(f"protecting bucket {bucket!r}", bucket=bucket, endpoint=client.meta.endpoint_url):
            found = work.look() or client.meta.region_name
            return BucketReport(bucket, created, found, work.harden())
    with translated(f"checking bucket {bucket!r}", bucket=bucket, endpoint=client.meta.endpoint_url):
        if work.is_unfinished():
            return BucketReport(bucket, False, region, work.harden())
        return BucketReport(bucket, False, region, work.inspect())


def inspect_bucket(client: S3Client, bucket: str, *, expected_owner: str | None = None) -> BucketReport | None:
    """Look at a bucket without changing anything, for a dry run; `None` when there is no such bucket.

    Raises:
        BucketNotOurs: It belongs to someone else, or these credentials may not see it.
        BucketInOtherRegion: It is in another region than the client.
        StorageError: Anything else that S3 answers, or no answer.
    """
    check_bucket_name(bucket)
    use_own_retries(client)
    work = _Work(client, bucket, expected_owner, None)
    with translated(f"looking at bucket {bucket!r}", bucket=bucket, endpoint=client.meta.endpoint_url):
        region = work.look()
        return None if region is None else BucketReport(bucket, False, region, work.inspect())


class _Work:
    """The steps on one bucket, with what each request needs to know."""

    def __init__(self, client: S3Client, bucket: str, owner: str | None, kms_key_id: str | None) -> None:
        self.client = client
        self.bucket = bucket
        self.owner: dict[str, Any] = {"ExpectedBucketOwner": owner} if owner else {}
        self.aws = is_aws(client)
        self.protections = settings.protections(
            bucket, kms_key_id=kms_key_id, tls=speaks_tls(client), partition=client.meta.partition
        )

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
            if code_of(error) in ("AccessDenied", "AllAccessDisabled") or (
                status_of(error) == 403 and not error.response["Error"].get("Message")
            ):
                raise self._not_ours() from error
            raise translate(error, f"looking for bucket {self.bucket!r}", bucket=self.bucket) from error
        if status_of(refusal) != 403:
            raise translate(refusal, f"looking for bucket {self.bucket!r}", bucket=self.bucket) from refusal

    def _not_ours(self) -> errors.BucketNotOurs:
        return errors.BucketNotOurs(
            f"Bucket {self.bucket!r} exists, but it belongs to someone else or these credentials may not use it.",
            remedy="Choose another bucket (names are global; lake-{account}-{region}-an is nobody else's), or give "
            "these credentials s3:ListBucket on it.",
            bucket=self.bucket,
        )

    def create(self) -> bool:
        """Create the bucket; return `False` when another run of ours was quicker."""
        arguments: dict[str, Any] = {"Bucket": self.bucket}
        configuration: dict[str, Any] = {}
        if self.client.meta.region_name != "us-east-1":
            configuration["LocationConstraint"] = self.client.meta.region_name
        if self.aws:
            configuration["Tags"] = _tags("pending")
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
        self._await()
        if not self.aws:
            self._tag("pending")
        return True

    def _await(self) -> None:
        deadline = time.monotonic() + APPEARS_WITHIN_S
        while self.look() is None and time.monotonic() < deadline:
            time.sleep(0.5)

    def _tag(self, state: str) -> bool:
        try:
            self.client.put_bucket_tagging(Bucket=self.bucket, Tagging={"TagSet": _tags(state)}, **self.owner)  # type: ignore[typeddict-item]
        except ClientError as error:
            if self.aws:
                raise self._not_hardened("tags", error) from error
            return False
        return self._state() == state

    def _state(self) -> str | None:
        try:
            answer = self.client.get_bucket_tagging(Bucket=self.bucket, **self.owner)
        except ClientError:
            return None  # no tags, or these credentials may not read them: the bucket is used as it is
        tags = {tag["Key"]: tag["Value"] for tag in answer.get("TagSet", ())}
        return tags.get(settings.TAG_STATE) if tags.get(settings.TAG_MADE_BY) == settings.MADE_BY else None

    def is_unfinished(self) -> bool:
        """Say whether a run of ours made this bucket and ended before all of its protections were applied."""
        return self._state() == "pending"

    def harden(self) -> tuple[BucketSetting, ...]:
        """Apply every protection and say of each whether the server took it."""
        report = [self._apply(protection) for protection in self.protections]
        if not speaks_tls(self.client):
            report.append(BucketSetting("TLS only", "not offered", "the endpoint speaks plain HTTP"))
        tagged = self._tag("complete")
        detail = f"{settings.TAG_MADE_BY}={settings.MADE_BY}" if tagged else "the server keeps no tags of a bucket"
        return (*report, BucketSetting("tags", "applied" if tagged else "not offered", detail))

    def _apply(self, protection: settings.Protection) -> BucketSetting:
        put: Callable[..., Any] = getattr(self.client, f"put_{protection.setting}")
        try:
            put(Bucket=self.bucket, **protection.arguments, **self.owner)
        except ClientError as error:
            if self.aws:
                raise self._not_hardened(protection.name, error) from error
            if code_of(error) in ("AccessDenied", "NoSuchBucket"):
                raise
            return BucketSetting(protection.name, "not offered", f"the server answered {code_of(error)}")
        found = self._read(protection)
        if found.state == "present":
            return BucketSetting(protection.name, "applied", "set and read back")
        if self.aws and found.state != "unknown":
            raise self._not_hardened(protection.name, None)
        if found.state == "unknown":
            return BucketSetting(protection.name, "applied", f"set; {found.detail}")
        return BucketSetting(protection.name, "not offered", "the server said yes and keeps nothing")

    def _not_hardened(self, step: str, cause: ClientError | None) -> errors.BucketNotHardened:
        said = f"S3 answered {code_of(cause)}" if cause else "it does not read back as it was set"
        return errors.BucketNotHardened(
            f"Bucket {self.bucket!r} was created, but its {step} could not be set: {said}.",
            remedy="Give these credentials the permission to set it and start the run again, which goes on from here.",
            bucket=self.bucket,
        )

    def inspect(self) -> tuple[BucketSetting, ...]:
        """Say of each protection whether the bucket has it; change nothing."""
        return tuple(self._read(protection) for protection in self.protections)

    def _read(self, protection: settings.Protection) -> BucketSetting:
        endpoint = None if self.aws else self.client.meta.endpoint_url
        remedy = protection.command(self.bucket, endpoint)
        if protection.shared:
            remedy += "  (it replaces the whole document: merge it by hand if there is one already)"
        get: Callable[..., Mapping[str, Any]] = getattr(self.client, f"get_{protection.setting}")
        try:
            holds = protection.holds(get(Bucket=self.bucket, **self.owner))
        except ClientError as error:
            if status_of(error) == 403:
                return BucketSetting(protection.name, "unknown", "these credentials may not read it")
            if code_of(error) == "NoSuchBucket":
                raise
            if status_of(error) == 404:
                return BucketSetting(protection.name, "missing", "not set", remedy)
            return BucketSetting(protection.name, "not offered", f"the server answered {code_of(error)}")
        if holds is None and not self.aws:
            return BucketSetting(protection.name, "not offered", "the server does not know this setting")
        if holds:
            return BucketSetting(protection.name, "present", "set")
        return BucketSetting(protection.name, "missing", "not set", remedy)


def _tags(state: str) -> list[dict[str, str]]:
    return [
        {"Key": settings.TAG_MADE_BY, "Value": settings.MADE_BY},
        {"Key": settings.TAG_STATE, "Value": state},
    ]


def list_bucket(client: S3Client, bucket: str, prefix: str = "", *, expected_owner: str | None = None) -> BucketListing:
    """Count the objects under a prefix and add up their sizes.

    Raises:
        BucketVanished: The bucket was deleted in the meantime.
        StorageError: Anything else that S3 answers, or no answer.
    """
    use_own_retries(client)
    owner: dict[str, Any] = {"ExpectedBucketOwner": expected_owner} if expected_owner else {}
    objects = size_bytes = 0
    with translated(f"listing bucket {bucket!r}", bucket=bucket, endpoint=client.meta.endpoint_url):
        for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix, **owner):
            for item in page.get("Contents", ()):
                objects += 1
                size_bytes += item["Size"]
    return BucketListing(objects, size_bytes)
