"""How objects are copied, and what became of them: the values that the parts of a copy hand to each other."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Literal

from flows.lake.copying.server_side import MAX_COPY_BYTES
from flows.lake.manifests.copied import Place
from flows.lake.raw.storing import UploadOptions

State = Literal["copied", "present", "left behind", "conflict", "failed"]
"""left behind: a later landing has its key, and the earlier bytes are not to be had, or not to be put over it."""

Tags = Literal["keep", "metadata", "drop"]


@dataclass(frozen=True)
class ObjectResult:
    """What became of one object.

    Attributes:
        key: Its key, in both lakes.
        state: What became of it.
        place: What the target calls it, where it is there.
        bytes_sent: Bytes of it that were sent, 0 where S3 copied it by itself.
        text: Why, where it is not there.
    """

    key: str
    state: State
    place: Place | None = None
    bytes_sent: int = 0
    text: str = ""

    @property
    def is_bad(self) -> bool:
        """Whether the target lacks it."""
        return self.state in {"conflict", "failed"}


@dataclass(frozen=True)
class CopyOptions:
    """How objects are copied.

    Attributes:
        upload: How they are stored.
        tags: Whether an object's tags go along, become metadata, or stay behind.
        takes_tags: Whether the target keeps tags of objects.
        inside: Whether S3 may be asked to copy by itself.
        quick: Whether small objects may go through AWS's own client in C.
        copy_at_once_bytes: Larger objects are copied by S3 in parts.
    """

    upload: UploadOptions = field(default_factory=UploadOptions)
    tags: Tags = "keep"
    takes_tags: bool = True
    inside: bool = False
    quick: bool = True
    copy_at_once_bytes: int = MAX_COPY_BYTES


@dataclass
class CopyReport:
    """What a copy did.

    Attributes:
        start: The first day of the range.
        end: The last one.
        manifests: How many manifests the source has.
        manifests_copied: How many of them were written.
        manifests_present: How many were there.
        objects: How many objects were looked at, without logs.
        copied: How many objects and logs were copied.
        present: How many were there.
        left_behind: How many are no more than earlier landings of a key.
        bytes_sent: Bytes that went through here.
        inside: Objects that S3 copied by itself.
        proofs: What proved how many objects.
        bad: What the target lacks: objects, logs and manifests.
    """

    start: date
    end: date
    manifests: int = 0
    manifests_copied: int = 0
    manifests_present: int = 0
    objects: int = 0
    copied: int = 0
    present: int = 0
    left_behind: int = 0
    bytes_sent: int = 0
    inside: int = 0
    proofs: dict[str, int] = field(default_factory=dict)
    bad: list[ObjectResult] = field(default_factory=list)

    def count(self, result: ObjectResult) -> None:
        """Note what became of an object or a log."""
        self.copied += result.state == "copied"
        self.present += result.state == "present"
        self.left_behind += result.state == "left behind"
        self.bytes_sent += result.bytes_sent
        if result.place and result.place.verified_by:
            self.proofs[result.place.verified_by] = self.proofs.get(result.place.verified_by, 0) + 1
            self.inside += result.state == "copied" and result.bytes_sent == 0 and result.place.etag is not None
        if result.is_bad:
            self.bad.append(result)
