"""Applying a bucket's protections, and saying which of them a bucket has.

A bucket that this project makes carries a tag from its first moment that says whether its protections are complete, so
that the next run finishes what a killed one began; a bucket without that tag is somebody's own and is only looked at.
Against AWS every protection is required. Other servers offer some of them, and what they do not offer is reported.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from botocore.exceptions import ClientError

from flows.lake.bucket import protections as settings
from flows.lake.errors import BucketNotHardened
from flows.lake.run_models import BucketSetting
from flows.lake.s3.bucket import Bucket
from flows.lake.s3.errors import code_of, status_of

PENDING, COMPLETE = "pending", "complete"
MERGE = "  (it replaces the whole document: merge it by hand if there is one already)"


def own_tags(state: str) -> list[dict[str, str]]:
    """Return the tags of a bucket that this project made."""
    return [
        {"Key": settings.TAG_MADE_BY, "Value": settings.MADE_BY},
        {"Key": settings.TAG_STATE, "Value": state},
    ]


class Hardening:
    """The protections of one bucket.

    Args:
        bucket: The bucket.
        kms_key_id: Encrypt with this KMS key instead of SSE-S3.
        retention_days: How long Object Lock keeps each version; 0 for none.
    """

    def __init__(self, bucket: Bucket, kms_key_id: str | None = None, retention_days: int = 0) -> None:
        self.bucket = bucket
        self.speaks_tls = bucket.endpoint.startswith("https:")
        self.protections = settings.protections(
            bucket.name,
            kms_key_id=kms_key_id,
            tls=self.speaks_tls,
            partition=bucket.client.meta.partition,
            retention_days=retention_days,
        )

    def tag(self, state: str) -> bool:
        """Write into the bucket's tags how far its protections are; return whether the server keeps tags."""
        try:
            self.bucket.client.put_bucket_tagging(Tagging={"TagSet": own_tags(state)}, **self.bucket.where)  # type: ignore[typeddict-item]
        except ClientError as error:
            if self.bucket.is_on_aws:
                raise self._refused("tags", error) from error
            return False
        return self._tagged() == state

    def _tagged(self) -> str | None:
        try:
            answer = self.bucket.client.get_bucket_tagging(**self.bucket.where)
        except ClientError:
            return None  # no tags, or these credentials may not read them: the bucket is used as it is
        tags = {tag["Key"]: tag["Value"] for tag in answer.get("TagSet", ())}
        return tags.get(settings.TAG_STATE) if tags.get(settings.TAG_MADE_BY) == settings.MADE_BY else None

    def is_ours(self) -> bool:
        """Say whether this project made the bucket."""
        return self._tagged() is not None

    def is_unfinished(self) -> bool:
        """Say whether a run of ours made this bucket and ended before all of its protections were applied."""
        return self._tagged() == PENDING

    def apply(self) -> tuple[BucketSetting, ...]:
        """Apply every protection and say of each whether the server took it.

        Raises:
            BucketNotHardened: AWS refused one, or Object Lock was asked for and is not to be had; the tag still says
                that they are not complete.
        """
        report = [self._apply(protection) for protection in self.protections]
        for one in report:
            # Whoever asks for it means to rely on it: a bucket without would be found out too late.
            if one.name == settings.OBJECT_LOCK and one.state == "not offered":
                raise BucketNotHardened(
                    f"Bucket {self.bucket.name!r} was created, but {self.bucket.endpoint} keeps no Object Lock there: "
                    f"{one.detail}.",
                    remedy="Leave retention_days at 0, or choose a server that offers it.",
                    bucket=self.bucket.name,
                )
        if not self.speaks_tls:
            report.append(BucketSetting("TLS only", "not offered", "the endpoint speaks plain HTTP"))
        if self.tag(COMPLETE):
            return (*report, BucketSetting("tags", "applied", f"{settings.TAG_MADE_BY}={settings.MADE_BY}"))
        return (*report, BucketSetting("tags", "not offered", "the server keeps no tags of a bucket"))

    def _apply(self, protection: settings.Protection) -> BucketSetting:
        put: Callable[..., Any] = getattr(self.bucket.client, f"put_{protection.setting}")
        try:
            put(**self.bucket.where, **protection.arguments)
        except ClientError as error:
            if self.bucket.is_on_aws:
                raise self._refused(protection.name, error) from error
            if code_of(error) in ("AccessDenied", "NoSuchBucket"):
                raise
            return BucketSetting(protection.name, "not offered", f"the server answered {code_of(error)}")
        setting = self._read(protection)
        if setting.state == "present":
            return BucketSetting(protection.name, "applied", "set and read back")
        if setting.state == "unknown":
            return BucketSetting(protection.name, "applied", f"set; {setting.detail}")
        if self.bucket.is_on_aws:
            raise self._refused(protection.name, None)
        return BucketSetting(protection.name, "not offered", "the server said yes and keeps nothing")

    def _refused(self, step: str, cause: ClientError | None) -> BucketNotHardened:
        reason = f"S3 answered {code_of(cause)}" if cause else "it does not read back as it was set"
        return BucketNotHardened(
            f"Bucket {self.bucket.name!r} was created, but its {step} could not be set: {reason}.",
            remedy="Give these credentials the permission to set it and start the run again, which goes on from here.",
            bucket=self.bucket.name,
        )

    def inspect(self) -> tuple[BucketSetting, ...]:
        """Say of each protection whether the bucket has it; change nothing.

        A server without versions answers as S3 does for a bucket that never had any. Where it knows no other setting,
        it does not know this one, and there is nothing that a person could turn on.
        """
        with ThreadPoolExecutor(len(self.protections)) as threads:  # each run waits for these answers
            settings_found = list(threads.map(self._read, self.protections))
        if not self.bucket.is_on_aws and {
            setting.state for setting in settings_found if setting.name != settings.VERSIONING
        } == {"not offered"}:
            return tuple(
                BucketSetting(setting.name, "not offered", "the server knows no settings") for setting in settings_found
            )
        return tuple(settings_found)

    def _read(self, protection: settings.Protection) -> BucketSetting:
        remedy = protection.command(self.bucket.name, None if self.bucket.is_on_aws else self.bucket.endpoint)
        remedy += MERGE if protection.shared else ""
        get: Callable[..., Mapping[str, Any]] = getattr(self.bucket.client, f"get_{protection.setting}")
        try:
            holds = protection.holds(get(**self.bucket.where))
        except ClientError as error:
            if status_of(error) == 403:
                return BucketSetting(protection.name, "unknown", "these credentials may not read it")
            if code_of(error) == "NoSuchBucket":
                raise
            if status_of(error) == 404:
                return BucketSetting(protection.name, "missing", "not set", remedy)
            return BucketSetting(protection.name, "not offered", f"the server answered {code_of(error)}")
        if holds is None and not self.bucket.is_on_aws:
            return BucketSetting(protection.name, "not offered", "the server does not know this setting")
        if holds:
            return BucketSetting(protection.name, "present", "set")
        return BucketSetting(protection.name, "missing", "not set", remedy)
