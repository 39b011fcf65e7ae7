"""What S3 takes as tags, account and KMS key, checked before any call; each function tells what is wrong.

Tags: https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-tagging.html
Keys: https://docs.aws.amazon.com/kms/latest/developerguide/concepts.html#key-id
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping

STORAGE_CLASSES = ("STANDARD", "STANDARD_IA", "INTELLIGENT_TIERING", "ONEZONE_IA", "GLACIER_IR")
"""Storage classes whose objects can be read at once, which a raw layer's readers expect."""

MAX_TAGS = 10
MAX_TAG_NAME = 128
MAX_TAG_VALUE = 256
"""Characters, not bytes."""

OWN_ACCOUNT = "{account}"

_TAG_SIGNS = frozenset("_.:/=+-@")
_ACCOUNT = re.compile(r"[0-9]{12}")
_KMS_KEY = re.compile(
    r"(arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:(key|alias)/[A-Za-z0-9/_-]+"
    r"|alias/[A-Za-z0-9/_-]+"
    r"|(mrk-)?[0-9a-f-]{32,36})"
)


def storage_class_problems(name: str) -> Iterator[str]:
    """Yield what is wrong with a storage class."""
    if name not in STORAGE_CLASSES:
        yield f"storage_class {name!r} is not one of {', '.join(STORAGE_CLASSES)}"


def tag_problems(tags: Mapping[str, str]) -> Iterator[str]:
    """Yield what S3 would not take of an object's tags."""
    if len(tags) > MAX_TAGS:
        yield f"tags: {len(tags)} of them; S3 takes {MAX_TAGS} for an object"
    for name, value in tags.items():
        if not 1 <= len(name) <= MAX_TAG_NAME:
            yield f"tags: the name {name[:20]!r} has {len(name)} characters; S3 takes 1 to {MAX_TAG_NAME}"
        if len(value) > MAX_TAG_VALUE:
            yield f"tags: the value of {name!r} has {len(value)} characters; S3 takes {MAX_TAG_VALUE}"
        if name.lower().startswith("aws:"):
            yield f"tags: the name {name!r} starts with aws:, which is reserved"
        if bad := sorted(character for character in set(name + value) if not _in_tags(character)):
            yield f"tags: {name!r} holds {' '.join(map(ascii, bad))}; S3 takes letters, digits, spaces and _.:/=+-@"


def _in_tags(character: str) -> bool:
    return character in _TAG_SIGNS or unicodedata.category(character)[0] in "LNZ"


def owner_problems(account: str) -> Iterator[str]:
    """Yield what is wrong with the account that must own the bucket; empty for none."""
    if account not in ("", OWN_ACCOUNT) and not _ACCOUNT.fullmatch(account):
        yield f"expected_bucket_owner {account!r} is neither the 12 digits of an AWS account nor {OWN_ACCOUNT}"


def kms_key_problems(key: str) -> Iterator[str]:
    """Yield what is wrong with the name of a KMS key; empty for none."""
    if key and not _KMS_KEY.fullmatch(key):
        yield f"kms_key_id {key!r} is neither the id, the ARN nor the alias (alias/…) of a KMS key"
