"""One object's way from lake to lake: looked for, taken over, proven by what its manifest says of it.

What the target holds under the key decides: the same bytes are left; bytes that the source's manifests name for an
earlier landing of the key are replaced, as a landing replaces them; a later landing's are left; and all others are a
conflict, which is told and not touched. Bytes are compared with the manifest before they become an object
(`flows.lake.raw.storing`), and what the target then says of it is compared with the manifest again.

Inside one account and region S3 copies by itself (`flows.lake.copying.server_side`); the proof is the same.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Literal
from urllib.parse import quote, unquote, urlencode

from botocore.exceptions import ClientError

from flows.lake import keys
from flows.lake.copying import server_side
from flows.lake.copying.records import Named, named_in
from flows.lake.copying.results import CopyOptions, ObjectResult
from flows.lake.copying.stored_source import StoredSource
from flows.lake.errors import (
    AccessDenied,
    CopyConflict,
    ManifestUnreadable,
    SourceChanged,
    StorageError,
    TagsNotOffered,
)
from flows.lake.manifests.copied import Place
from flows.lake.manifests.store import ManifestStore
from flows.lake.raw.storing import UploadResult, store
from flows.lake.s3.bucket import Bucket
from flows.lake.s3.content import Content
from flows.lake.s3.errors import code_of, status_of
from flows.lake.s3.object_metadata import MAX_METADATA_BYTES, encoded, tags_in_metadata
from flows.lake.s3.s3_object import S3Object, Stored


class ObjectCopier:
    """Copies objects from one bucket to another.

    Args:
        source: The manifests of the source, in its bucket.
        target: The bucket.
        options: How.
        chains: Key to the landings of it that are known, as the source's manifests name them, with the ends of their
            runs; for keys that have several.
    """

    def __init__(
        self,
        source: ManifestStore,
        target: Bucket,
        options: CopyOptions,
        chains: Mapping[str, list[tuple[datetime, Named]]] | None = None,
    ) -> None:
        self.source = source
        self.target = target
        self.options = options
        self.chains = chains or {}

    def copy(self, named: Named, ended: datetime, *, is_absent: bool) -> ObjectResult:
        """Copy an object, unless it is there.

        Args:
            named: The object, as a manifest names it.
            ended: When the manifest's run ended.
            is_absent: Whether a listing has just shown that the target has nothing under its key.

        Raises:
            StorageError: What S3 answers, or no answer.
        """
        target = S3Object(self.target, named.key)
        try:
            with self.target.doing(f"copying {named.key!r}", key=named.key):
                stored = None if is_absent else target.head()
                if stored and (there := self.as_it_is(target, stored, named, ended)):
                    return there
                return self._taken_over(target, named, ended, replaces=stored is not None)
        except CopyConflict as error:
            return ObjectResult(named.key, "conflict", text=str(error))

    def as_it_is(self, target: S3Object, stored: Stored, named: Named, ended: datetime) -> ObjectResult | None:
        """Return the result if what is there stays, `None` if it may be replaced."""
        if proof := self._proof(target, stored, named):
            return ObjectResult(named.key, "present", Place(stored.version_id, stored.etag, proof))
        if self._age(target, stored, named, ended) == "later":
            return ObjectResult(named.key, "left behind", text="The target holds a later landing of its key.")
        return None

    def _proof(self, target: S3Object, stored: Stored, named: Named) -> str | None:
        """Return how it is proven that the target holds the object already."""
        if named.content is not None:
            etags = {named.etag} if named.etag else set()
            return target.proof(stored, named.content, lambda: etags) or None
        if stored.size_bytes != named.size_bytes:
            return None
        # No manifest says more of it than its size: both lakes are read.
        return "read back" if _read(self.source.bucket, named) == target.read_back(stored) else None

    def _age(self, held: S3Object, stored: Stored, named: Named, ended: datetime) -> Literal["earlier", "later"]:
        """Say which landing of the key an object is, by the source's manifests.

        Raises:
            CopyConflict: None names it.
        """
        known = [one for one in self._landings(named.key, stored) if not one[1].is_same(named)]
        known = [one for one in known if one[1].size_bytes == stored.size_bytes]
        if known:
            content = _content_of(held, stored)
            for other_ended, other in known:
                if other.content is not None and content.crc64nvme == other.content.crc64nvme:
                    return "earlier" if other_ended < ended else "later"
        raise CopyConflict(
            f"{held.address} holds other bytes than {self.source.bucket.name!r} has, and no manifest there names them.",
            remedy="Find out which is right, and move the object away; it was not touched.",
            bucket=held.bucket.name,
            key=held.key,
        )

    def _landings(self, key: str, stored: Stored) -> Iterable[tuple[datetime, Named]]:
        yield from self.chains.get(key, ())
        for name in stored.metadata.get("manifest", "").split("|"):
            if not (manifest_key := unquote(name)).startswith(f"{keys.MANIFEST_PREFIX}/"):
                continue
            try:
                manifest = self.source.read(manifest_key)
            except ManifestUnreadable:
                continue
            yield from ((manifest.ended, named) for named in named_in(manifest) if named.key == key)

    def _taken_over(self, target: S3Object, named: Named, ended: datetime, *, replaces: bool) -> ObjectResult:
        for attempt in (1, 2):
            try:
                return self._transferred(target, named, ended, replaces=replaces)
            except SourceChanged as error:
                # Bytes may also have been altered on their way here: once more, before the source is blamed.
                if attempt == 2:
                    return self._not_as_named(named, ended, error)
        raise AssertionError("unreachable")

    def _transferred(self, target: S3Object, named: Named, ended: datetime, *, replaces: bool) -> ObjectResult:
        if self.options.inside and named.content is not None and not replaces and self.options.tags == "keep":
            try:
                place = server_side.copy(
                    S3Object(self.source.bucket, named.key),
                    target,
                    named.content,
                    etag=named.etag,
                    version_id=named.version_id,
                    storage_class=self.options.upload.storage_class,
                    at_once_bytes=self.options.copy_at_once_bytes,
                )
                if place:
                    return ObjectResult(named.key, "copied", place)
            except AccessDenied:
                self.options = replace(self.options, inside=False)  # the target's own credentials may not read it
            except CopyConflict:
                replaces = True  # something came into being there meanwhile
        source = self._opened(named)
        if source is None:
            return ObjectResult(named.key, "failed", text=f"s3://{self.source.bucket.name}/{named.key} is not there.")
        with contextlib.closing(source):
            return self._sent(target, source, named, ended, replaces=replaces)

    def _sent(
        self, target: S3Object, source: StoredSource, named: Named, ended: datetime, *, replaces: bool
    ) -> ObjectResult:
        content = named.content or Content.of_chunks([source.read_at(0, source.size_bytes)])
        if source.size_bytes != named.size_bytes:
            raise source.changed(f"it has {source.size_bytes:,} bytes instead of {named.size_bytes:,}")
        options = replace(
            self.options.upload,
            look_first=replaces,
            known_etags=frozenset({named.etag} if named.etag else ()),
            before_replacing=lambda stored: self._may_replace(target, stored, named, ended),
        )
        result: UploadResult = store(replace(target, headers=self._headers(source)), source, content, options)
        place = Place(result.version_id, result.etag, result.verified_by)
        if (
            not target.keeps_checksums
            and source.size_bytes > options.multipart_above_bytes
            and (there := target.head())
        ):
            # What some servers answer to the last part is not the ETag that they list, by which a copy is known again.
            place = Place(there.version_id, there.etag, result.verified_by)
        return ObjectResult(
            named.key, "copied" if result.outcome == "uploaded" else "present", place, result.bytes_sent
        )

    def _opened(self, named: Named) -> StoredSource | None:
        stored_object = S3Object(self.source.bucket, named.key)
        limit = self.options.upload.multipart_above_bytes
        with self.source.bucket.doing(f"reading {named.key!r}", key=named.key):
            try:
                return StoredSource(stored_object, named.version_id, whole_below=limit, size_bytes=named.size_bytes)
            except ClientError as error:
                if status_of(error) == 404 and code_of(error) != "NoSuchBucket":
                    return None
                raise

    def _may_replace(self, target: S3Object, stored: Stored, named: Named, ended: datetime) -> None:
        if self._age(target, stored, named, ended) == "later":
            raise CopyConflict(f"{target.address} was landed anew while it was copied.", remedy="Copy once more.")

    def _not_as_named(self, named: Named, ended: datetime, error: SourceChanged) -> ObjectResult:
        """Tell an object that a later landing has replaced from one that was altered."""
        held = S3Object(self.source.bucket, named.key)
        with contextlib.suppress(CopyConflict), self.source.bucket.doing(f"looking at {named.key!r}", key=named.key):
            stored = held.head()
            if stored and self._age(held, stored, named, ended) == "later":
                return ObjectResult(named.key, "left behind", text="A later landing has replaced it in the source.")
        return ObjectResult(named.key, "failed", text=str(error))

    def _headers(self, source: StoredSource) -> dict[str, Any]:
        headers = dict(source.headers)
        if self.options.upload.storage_class:
            headers["StorageClass"] = self.options.upload.storage_class
        if self.options.tags == "drop" or not source.tag_count:
            return headers
        if self.options.tags == "metadata":
            headers["Metadata"] = with_tags(headers.get("Metadata", {}), source.tags(), source.title)
        elif self.options.takes_tags:
            headers["Tagging"] = urlencode(source.tags(), quote_via=quote)
        else:
            raise TagsNotOffered(
                f"{self.target.endpoint} keeps no tags of objects, and {source.title} has some.",
                remedy="Choose tags=metadata to keep them in the objects' metadata, or tags=drop to leave them behind.",
                bucket=self.target.name,
            )
        return headers


def with_tags(metadata: Mapping[str, str], tags: Mapping[str, str], title: str) -> dict[str, str]:
    """Return metadata with an object's tags in it, as `tag-<name>`.

    Raises:
        StorageError: It is more than S3 takes.
    """
    carried = dict(metadata) | {name: encoded(value) for name, value in tags_in_metadata(tags).items()}
    if sum(len(name) + len(value) for name, value in carried.items()) > MAX_METADATA_BYTES:
        raise StorageError(
            f"The tags of {title} do not fit into its metadata, of which S3 takes 2,048 bytes.",
            remedy="Copy with tags=drop, or take some of its tags away.",
        )
    return carried


def _content_of(held: S3Object, stored: Stored) -> Content:
    """Return what identifies an object's bytes: by the checksum that AWS keeps, else by reading them."""
    if stored.crc64nvme and held.keeps_checksums:
        return Content(stored.size_bytes, stored.crc64nvme, "")
    return held.read_back(stored)


def _read(bucket: Bucket, named: Named) -> Content | None:
    held = S3Object(bucket, named.key)
    with bucket.doing(f"reading {named.key!r}", key=named.key):
        stored = held.head()
        return held.read_back(stored) if stored else None
