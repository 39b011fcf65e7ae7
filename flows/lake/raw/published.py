"""Files that are published at an address and have not changed: the lake keeps them under the day they came.

A server is asked whether a file has changed only if the lake still holds what it sent then, as it was proven then.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from flows.lake.errors import MaskingError
from flows.lake.models import FileOutcome, SourceFile
from flows.lake.raw.unchanged import recorded, unchanged_outcome
from flows.lake.web.addresses import WebOrigin
from flows.lake.web.answers import WebAnswer

if TYPE_CHECKING:
    from flows.lake.raw.raw_layer import RawLayer

PROOF = "HTTP 304 and unchanged etag"
"""How an object is verified whose address still publishes the same."""


def known_answer(file: SourceFile, to: RawLayer) -> WebAnswer | None:
    """Return what a file's server said when the lake got it, if the lake has it still.

    Raises:
        StorageError: What S3 answers, or no answer.
    """
    from flows.lake.s3.stored_keys import StoredKey, find_stored

    if not isinstance(file.origin, WebOrigin):
        return None
    key = None
    if file.contract.mask.needs_key:
        with contextlib.suppress(MaskingError):  # it says so when it is masked
            key = to.masking_keys().current.fingerprint
    landed = recorded(file, key)
    if landed is None or landed.web is None or not landed.web.conditions:
        return None
    stored = find_stored(to.bucket, [landed.key]).get(landed.key)
    return landed.web if stored == StoredKey(landed.profile.size_bytes, landed.etag) else None


def not_modified(file: SourceFile) -> FileOutcome:
    """Return the outcome of a file whose server says that it has not changed since it landed."""
    landed = file.before.landed if file.before else None
    if landed is None:
        raise RuntimeError("a file that never landed was not asked for as a known one")
    return unchanged_outcome(file, landed, PROOF)
