"""The raw layer as one run writes to it: where, with which options, and how errors of the credentials are told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from flows.lake.errors import (
    LakeError,
)
from flows.lake.models import SourceFile
from flows.lake.raw.masked_file import Landing, no_keys
from flows.lake.raw.storing import UploadOptions
from flows.lake.s3.bucket import Bucket
from flows.lake.s3.object_metadata import tags_in_metadata
from flows.lake.s3.storage_rules import STORAGE_CLASSES
from flows.lake.web.access import WebAccess, no_access

if TYPE_CHECKING:
    from flows.lake.landing.masking_key import MaskingKeys


def as_it_is(error: LakeError) -> LakeError:
    """Return the error itself: how errors are told where nobody knows more of the credentials."""
    return error


@dataclass(frozen=True)
class RawLayer:
    """The raw layer as one run writes to it; how each file lands, the file's own rules say.

    Attributes:
        bucket: The lake's bucket.
        run_id: The run, for the metadata of what it stores.
        manifest_keys: The keys of which one will be the manifest's of the run, for the same.
        explain: Makes an error of the credentials say which credentials, and how to renew them.
        landing_bucket: The bucket that keeps originals; the lake's own without one.
        landing_kms_key_id: The KMS key that encrypts them; the bucket's own encryption without one.
        masking_keys: Gives the keys by which columns are masked.
        web_access: Gives what hosts of addresses are told of who asks.
    """

    bucket: Bucket
    run_id: str = ""
    manifest_keys: tuple[str, ...] = ()
    explain: Callable[[LakeError], LakeError] = as_it_is
    landing_bucket: Bucket | None = None
    landing_kms_key_id: str | None = None
    masking_keys: Callable[[], MaskingKeys] = no_keys
    web_access: Callable[[], WebAccess] = no_access

    @property
    def landing(self) -> Landing:
        """Where originals are kept."""
        return Landing(self.landing_bucket or self.bucket, self.landing_kms_key_id)

    def options(self, file: SourceFile) -> UploadOptions:
        """Return how a file is stored."""
        rules = file.rules
        return UploadOptions(
            kms_key_id=file.contract.kms_key_id,
            storage_class=None if rules.storage_class == STORAGE_CLASSES[0] else rules.storage_class,
            tags=rules.tags if rules.tags_as == "tags" else {},
            metadata=({"run-id": self.run_id} if self.run_id else {})
            | ({"archive": file.unpacked.archive, "member": file.unpacked.member} if file.unpacked else {})
            | (tags_in_metadata(rules.tags) if rules.tags_as == "metadata" else {}),
            manifest_keys=self.manifest_keys,
        )
