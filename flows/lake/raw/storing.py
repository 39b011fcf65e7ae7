"""Storing an open file of known content under a key: the order of things, and what makes a file start over.

Look at what is stored; keep it if it is about to be replaced; send bytes that are known to be the profile's; compare
what the server says it holds; take away an object that differs. Each request is repeated by the client's one retry
layer (`flows.lake.s3.client`); here a file is repeated as a whole when another run was quicker, when the bytes were
altered on their way, or when a server knows no checksums.

Left to others: sending (`flows.lake.s3.transfer`), judging (`flows.lake.s3.s3_object`), keeping what is replaced
(`flows.lake.raw.superseded`), and files that change (`flows.lake.raw.upload`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from botocore.exceptions import ClientError

from flows.lake.errors import IntegrityError, UploadFailed
from flows.lake.models import Progress
from flows.lake.raw import superseded
from flows.lake.s3.body import Source
from flows.lake.s3.content import Content, PartDigest, etag_of_parts
from flows.lake.s3.errors import code_of, status_of
from flows.lake.s3.s3_object import S3Object, Stored, VerifiedBy
from flows.lake.s3.transfer import Sent, part_size_for, put_parts, put_whole
from flows.lake.units import MIB

MAX_ROUNDS = 6
"""How often one call looks at the key anew, whatever goes wrong in between."""

ALTERED_CODES = frozenset({"BadDigest", "InvalidDigest", "InvalidPart", "XAmzContentSHA256Mismatch"})
"""A look at the key, and once more from the start. InvalidPart: some servers say so to a repeated Complete, whose first
answer took longer than the time-out and which had put the object there."""


@dataclass(frozen=True)
class UploadOptions:
    """How files are stored.

    Attributes:
        storage_class: S3's storage class; the bucket's default without one.
        tags: Tags of the object.
        kms_key_id: The KMS key that encrypts it; the bucket's own encryption without one.
        manifest_keys: The keys of which one will be the manifest's of the run; in the metadata of files.
        metadata: Metadata besides what the file itself gives, for example the run's id.
        part_size_bytes: The size of a part; it grows where a file would have more than 10,000.
        multipart_above_bytes: Files above this size go in parts.
        concurrency: Parts of one file under way at once.
        look_first: Look at the key before the file is sent; not needed where a listing has just shown it empty.
        known_etags: ETags that these bytes are known to have had elsewhere; without, they are computed from the bytes.
        before_replacing: Called with an object that holds other bytes; what it raises keeps that object as it is.
        keep_replaced: Keep what the key holds before other bytes replace it; not where it is to expire anyway.
    """

    storage_class: str | None = None
    kms_key_id: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    metadata: Mapping[str, str] = field(default_factory=dict)
    manifest_keys: tuple[str, ...] = ()
    part_size_bytes: int = 8 * MIB
    multipart_above_bytes: int = 16 * MIB
    concurrency: int = 4
    look_first: bool = True
    known_etags: frozenset[str] | None = None
    before_replacing: Callable[[Stored], None] | None = None
    keep_replaced: bool = True


@dataclass(frozen=True)
class UploadResult:
    """How a file came to be stored.

    Attributes:
        outcome: Sent by this call, or there before.
        etag: The object's ETag, without quotes.
        version_id: Its version, on a bucket with versions.
        checksum: Its CRC-64/NVME, base64, proven by `verified_by`.
        bytes_sent: Bytes that this call sent.
        verified_by: The evidence that what is stored is what was profiled.
        superseded_key: Where the object is kept that had this key before, on a bucket without versions.
    """

    outcome: Literal["uploaded", "unchanged"]
    etag: str
    version_id: str | None
    checksum: str
    bytes_sent: int
    verified_by: VerifiedBy
    superseded_key: str | None = None


def store(
    target: S3Object,
    source: Source,
    content: Content,
    options: UploadOptions,
    progress: Progress | None = None,
) -> UploadResult:
    """Store an opened file of known content; `upload_file` says the rest."""
    with target.bucket.doing(f"storing {source.title} as {target.key!r}", key=target.key, path=source.path):
        return _Upload(target, source, content, options, progress).run()


class _Upload:
    """One file on its way to one key."""

    def __init__(
        self,
        target: S3Object,
        source: Source,
        content: Content,
        options: UploadOptions,
        progress: Progress | None,
    ) -> None:
        self.target = target
        self.source = source
        self.content = content
        self.options = options
        self.progress = progress
        self.part_bytes = part_size_for(content.size_bytes, options.part_size_bytes)
        self.in_parts = content.size_bytes > options.multipart_above_bytes
        self.condition: dict[str, Any] = {"IfNoneMatch": "*"}
        self.bytes_sent = 0
        self.superseded_key: str | None = None

    def run(self) -> UploadResult:
        """Go round until the key holds the file; each round begins by looking at the key."""
        mismatches = 0
        for number in range(MAX_ROUNDS):
            if (number or self.options.look_first) and (present := self._find()):
                return present
            try:
                return self._send_and_verify()
            except ClientError as error:
                if status_of(error) == 412 or code_of(error) == "NoSuchUpload":
                    continue  # another run was quicker, or an answer was lost: the next look at the key says which
                if self.target.refuses_extras(error):
                    self.target = self.target.without_extras()
                    continue
                if code_of(error) not in ALTERED_CODES or mismatches:
                    raise
                mismatches += 1
            except IntegrityError as error:
                if mismatches:
                    raise self._named(error) from error
                mismatches += 1
        raise UploadFailed(
            f"{self.target.address} changed each time {self.source.title} was to be stored there.",
            remedy="See which other program writes to this key, then start the run again.",
            bucket=self.target.bucket.name,
            key=self.target.key,
            path=self.source.path,
        )

    def _find(self) -> UploadResult | None:
        """Return the result if the key holds the file already, and else make the key ready to be written."""
        stored = self.target.head()
        self.condition = {"IfNoneMatch": "*"}
        if stored is None:
            return None
        if proof := self.target.proof(stored, self.content, self._etags):
            self.source.check()
            return UploadResult(
                outcome="uploaded" if self.bytes_sent else "unchanged",
                etag=stored.etag,
                version_id=stored.version_id,
                checksum=self.content.crc64nvme,
                bytes_sent=self.bytes_sent,
                verified_by=proof,
                superseded_key=self.superseded_key,
            )
        if self.options.before_replacing:
            self.options.before_replacing(stored)
        if not self.options.keep_replaced or superseded.has_versions(self.target.bucket):
            self.condition = {}
            return None
        self.superseded_key = superseded.keep(self.target, stored)
        self.condition = {"IfMatch": stored.etag}
        return None

    def _etags(self) -> Iterable[str]:
        return possible_etags(self.source, self.content, self.options)

    def _send_and_verify(self) -> UploadResult:
        sent = self._send()
        proof: Any = self._proof(sent)
        if not proof:
            self._take_away(sent)
        return UploadResult(
            outcome="uploaded",
            etag=sent.etag,
            version_id=sent.version_id,
            checksum=self.content.crc64nvme,
            bytes_sent=self.bytes_sent,
            verified_by=proof,
            superseded_key=self.superseded_key,
        )

    def _send(self) -> Sent:
        if not self.in_parts:
            return self._send_whole()
        self.bytes_sent += self.content.size_bytes
        return put_parts(
            self.target,
            self.source,
            self.content,
            self.condition,
            part_bytes=self.part_bytes,
            concurrency=self.options.concurrency,
            progress=self.progress,
        )

    def _send_whole(self) -> Sent:
        data = self.source.read_at(0, self.content.size_bytes)
        if Content.of_chunks([data]) != self.content:
            raise self.source.changed("its bytes are not those that were profiled")
        self.source.check()
        self.bytes_sent += len(data)
        # Only after a listing, when files come by the thousand, is the way to a request worth a shorter one.
        sha256 = None if self.options.look_first else self.content.sha256
        sent = put_whole(self.target, data, self.condition, sha256=sha256)
        if self.progress:
            self.progress(len(data), len(data))
        return sent

    def _proof(self, sent: Sent) -> VerifiedBy | Literal[False]:
        """Return how the server's word proves that it holds the file, or `False`."""
        if self.target.needs_md5 and not sent.parts_proven and not sent.encrypted:
            # No server that we know of: its word, even a checksum, may be no more than an echo of ours.
            stored = self.target.head()
            return "read back" if stored and self.target.read_back(stored) == self.content else False
        if sent.checksum:
            return "checksum" if sent.checksum == self.content.crc64nvme else False
        if sent.etag_proves:
            return "size and etag"  # the MD5 of the whole, or of all parts, whose size it settles
        stored = self.target.head()
        if stored is None:
            return False
        # Where the ETags of all parts prove them, the head has only the size to add: its ETag may be of another kind.
        return self.target.proof(stored, self.content, lambda: {stored.etag} if sent.parts_proven else set())

    def _named(self, error: IntegrityError) -> IntegrityError:
        """Return the error with the file's name, where what found it did not know the file."""
        if error.path is not None:
            return error
        what = str(error).removesuffix(error.remedy or "").strip()
        where: dict[str, Any] = {"bucket": self.target.bucket.name, "key": self.target.key, "path": self.source.path}
        return IntegrityError(f"{self.source.title}: {what}", remedy=error.remedy, **where)

    def _take_away(self, sent: Sent) -> None:
        """Delete the object that was just written and found to differ, and say so."""
        what = self.target.take_away(etag=sent.etag, version_id=sent.version_id, content=self.content)
        kept = f" What it replaced is kept at {self.superseded_key!r}." if self.superseded_key else ""
        raise IntegrityError(
            f"{self.target.address} differs from {self.source.title}, from which it was just stored" + what + kept,
            remedy="Look for what alters data between here and the server, then start the run again.",
            bucket=self.target.bucket.name,
            key=self.target.key,
            path=self.source.path,
        )


def possible_etags(source: Source, content: Content, options: UploadOptions) -> Iterable[str]:
    """Return the ETags that a file can have on a server that forms them from MD5; reads it where none are known.

    They are that of the whole, and that of the parts in which this project sends it.
    """
    if options.known_etags is not None:
        return options.known_etags
    part_bytes = part_size_for(content.size_bytes, options.part_size_bytes)
    whole, parts = hashlib.md5(usedforsecurity=False), []
    for offset in range(0, source.size_bytes, part_bytes):
        data = source.read_at(offset, min(part_bytes, source.size_bytes - offset))
        whole.update(data)
        parts.append(PartDigest.of(data, with_md5=True))
    of_parts = etag_of_parts(parts)
    return {whole.hexdigest()} | ({of_parts} if of_parts else set())
