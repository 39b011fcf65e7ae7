"""Whether the raw layer still is what its manifests say: nothing deleted, truncated, altered or put there by others.

An object is judged as it was when it was stored (`flows.lake.s3.target`): by the full-object checksum that AWS keeps;
on other servers by size and the ETag that it had, and by its bytes where the ETag is another one. A deep check reads
every byte back. Nothing is written and nothing is repaired.

A key may be in several manifests; the last one counts. A run of files with dates in their names writes to days other
than its own, so what the manifests of the range do not explain is looked for in those written soon after the object.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal

from flows.lake import keys
from flows.lake.errors import (
    AccessDenied,
    BucketError,
    CertificateRejected,
    CredentialsError,
    EndpointUnreachable,
    ManifestUnreadable,
    StorageError,
)
from flows.lake.manifests.manifest import Manifest
from flows.lake.manifests.store import ManifestStore, StoredManifest
from flows.lake.s3.bucket import Bucket
from flows.lake.s3.content import Content
from flows.lake.s3.s3_object import S3Object

CHECKS_AT_ONCE = 10
"""As many as the client keeps connections."""

MAX_UNREADABLE = 20
"""Beyond, the server is in trouble and not an object."""

_OF_ALL_OBJECTS = (CredentialsError, AccessDenied, EndpointUnreachable, CertificateRejected, BucketError)

LONGEST_RUN = timedelta(days=1)
"""How long after an object its run's manifest is looked for."""

RAW_ROOT = "Raw/"

FindingKind = Literal["deleted", "truncated", "grown", "altered", "foreign", "unreadable", "unreadable manifest"]


@dataclass(frozen=True)
class Finding:
    """Something that is not as it should be: what kind, under which key, and a sentence that says more."""

    kind: FindingKind
    key: str
    text: str


@dataclass(frozen=True)
class Expected:
    """What a manifest says of an object; without digests only its size is known."""

    key: str
    size_bytes: int
    sha256: str | None
    crc64nvme: str | None
    etag: str | None
    manifest: str


@dataclass(frozen=True)
class Verification:
    """What a verification found.

    Attributes:
        start: The first day of the range.
        end: The last one.
        deep: Whether every byte was read back.
        manifests: How many manifests were read.
        objects: How many objects they name.
        size_bytes: The size of those objects together.
        raw_objects: How many objects lie under `Raw/`, of any day.
        proofs: How many objects were proven by what.
        findings: What is wrong.
    """

    start: date
    end: date
    deep: bool
    manifests: int
    objects: int
    size_bytes: int
    raw_objects: int
    proofs: tuple[tuple[str, int], ...]
    findings: tuple[Finding, ...]


def verify(
    bucket: Bucket,
    start: date,
    end: date,
    *,
    deep: bool = False,
    progress: Callable[[str], None] | None = None,
) -> Verification:
    """Compare the raw layer with the manifests of a range of days.

    Args:
        bucket: The bucket.
        start: The first logical date.
        end: The last one.
        deep: Read every object back and hash it.
        progress: Called with a sentence at each stage.

    Raises:
        StorageError: What S3 answers, or no answer.
    """
    tell = progress or (lambda _: None)
    store = ManifestStore(bucket)
    stored = store.between(start, end)
    tell(f"{len(stored):,} manifests from {start} to {end}")
    known, findings = _expectations(store, stored)
    tell(f"Checking {len(known):,} objects" + (", reading every byte" if deep else ""))
    checks = list(_check_all(bucket, known.values(), deep))
    proofs = Counter(proof for _, proof, _ in checks if isinstance(proof, str))
    wrong = [(proof, changed) for _, proof, changed in checks if isinstance(proof, Finding)]
    tell(f"Listing {RAW_ROOT}")
    raw_objects, foreign = _unnamed(bucket, known.keys(), start, end)
    suspects = [*wrong, *foreign]
    later = _Later(bucket, store, {entry.key for entry in stored}, deep)
    findings += [finding for finding, changed in suspects if not (changed and later.explains(finding.key, changed))]
    return Verification(
        start,
        end,
        deep,
        manifests=len(stored),
        objects=len(known),
        size_bytes=sum(entry.size_bytes for entry in known.values()),
        raw_objects=raw_objects,
        proofs=tuple(sorted(proofs.items())),
        findings=tuple(sorted(findings, key=lambda finding: finding.key)),
    )


def _expectations(store: ManifestStore, stored: Iterable[StoredManifest]) -> tuple[dict[str, Expected], list[Finding]]:
    """Return what is expected under each key, by the last manifest that names it, and which could not be read."""
    known: dict[str, tuple[datetime, Expected]] = {}
    findings: list[Finding] = []
    for entry in sorted(stored, key=lambda entry: (entry.written, entry.key)):
        try:
            manifest = store.read(entry.key)
        except ManifestUnreadable as error:
            findings.append(Finding("unreadable manifest", entry.key, str(error)))
            continue
        for expected in expected_of(manifest, entry.key):
            # By the run's own end: in a copy of a lake manifests may have been written in another order.
            if expected.key not in known or known[expected.key][0] <= manifest.ended:
                known[expected.key] = (manifest.ended, expected)
    return {key: expected for key, (_, expected) in known.items()}, findings


def expected_of(manifest: Manifest, key: str) -> Iterator[Expected]:
    """Yield what a manifest says of the objects that its run left in the lake."""
    for file in manifest.files:
        if file.landed:
            yield Expected(file.key, file.size_bytes, file.sha256, file.crc64nvme, file.etag, key)
        elif file.kept_as:
            # Of a file that could not be read as CSV no more is known than its size.
            yield Expected(file.kept_as, file.size_bytes, file.sha256, file.crc64nvme, None, key)


_Check = tuple[Expected, str | Finding, datetime | None]
"""What was expected, how it is proven or what is wrong, and when the object there was written."""


def _check_all(bucket: Bucket, expected: Iterable[Expected], deep: bool) -> Iterator[_Check]:
    unreadable = 0
    with ThreadPoolExecutor(CHECKS_AT_ONCE) as threads:
        try:
            for check in threads.map(lambda entry: _check(bucket, entry, deep), expected):
                unreadable += isinstance(check[1], Finding) and check[1].kind == "unreadable"
                if unreadable > MAX_UNREADABLE:
                    raise StorageError(
                        f"More than {MAX_UNREADABLE} objects of s3://{bucket.name} could not be read.",
                        remedy="Look after the server, then start the run again.",
                        bucket=bucket.name,
                    )
                yield check
        except BaseException:
            threads.shutdown(wait=False, cancel_futures=True)
            raise


def _check(bucket: Bucket, expected: Expected, deep: bool) -> _Check:
    try:
        return _look(bucket, expected, deep)
    except _OF_ALL_OBJECTS:
        raise
    except StorageError as error:
        # One object that the server cannot give is a finding like others, and no reason to leave the rest unread.
        return expected, Finding("unreadable", expected.key, f"cannot be read: {error}"), None


def _look(bucket: Bucket, expected: Expected, deep: bool) -> _Check:
    target = S3Object(bucket, expected.key)
    with bucket.doing(f"checking {expected.key!r}", key=expected.key):
        stored = target.head()
        if stored is None:
            return expected, _finding("deleted", expected, "is not there"), None
        changed: datetime | None = stored.last_modified
        if stored.size_bytes != expected.size_bytes:
            kind: FindingKind = "truncated" if stored.size_bytes < expected.size_bytes else "grown"
            sizes = f"has {stored.size_bytes:,} bytes instead of {expected.size_bytes:,}"
            return expected, _finding(kind, expected, sizes), changed
        if expected.sha256 is None or expected.crc64nvme is None:
            return expected, "size", changed
        content = Content(expected.size_bytes, expected.crc64nvme, expected.sha256)
        if deep:
            proof: str | Literal[False] = "read back" if target.read_back(stored) == content else False
        else:
            proof = target.proof(stored, content, lambda: {expected.etag} if expected.etag else set())
        return expected, proof or _finding("altered", expected, "holds other bytes of the same size"), changed


def _finding(kind: FindingKind, expected: Expected, what: str) -> Finding:
    return Finding(kind, expected.key, f"{what} (manifest {expected.manifest})")


def _unnamed(
    bucket: Bucket, named: Iterable[str], start: date, end: date
) -> tuple[int, list[tuple[Finding, datetime | None]]]:
    """Return how many objects are under `Raw/`, and those of the range, or of no day, that no manifest names."""
    known = set(named)
    count = 0
    unnamed: list[tuple[Finding, datetime | None]] = []
    with bucket.doing(f"listing {RAW_ROOT!r}"):
        for item in bucket.objects(RAW_ROOT):
            count += 1
            day = keys.day_of_key(item["Key"])
            if item["Key"] in known or not (day is None or start <= day <= end):
                continue
            text = f"is in no manifest ({item['Size']:,} bytes, written {item['LastModified']:%Y-%m-%d %H:%M:%S %Z})"
            unnamed.append((Finding("foreign", item["Key"], text), item["LastModified"]))
    return count, unnamed


class _Later:
    """Manifests outside the range, read when they may explain an object that those of the range do not."""

    def __init__(self, bucket: Bucket, store: ManifestStore, read: set[str], deep: bool) -> None:
        self._bucket = bucket
        self._store = store
        self._read = read
        self._deep = deep
        self._listed: list[StoredManifest] | None = None
        self._expected: dict[str, dict[str, Expected]] = {}

    def explains(self, key: str, changed: datetime) -> bool:
        """Say whether a manifest that was written soon after an object names it as it is."""
        moment = changed.replace(microsecond=0)  # some servers keep whole seconds
        for entry in self._all():
            if not moment <= entry.written <= moment + LONGEST_RUN:
                continue
            expected = self._expectations(entry).get(key)
            if expected and isinstance(_check(self._bucket, expected, self._deep)[1], str):
                return True
        return False

    def _all(self) -> list[StoredManifest]:
        if self._listed is None:
            self._listed = [entry for entry in self._store.every() if entry.key not in self._read]
        return self._listed

    def _expectations(self, entry: StoredManifest) -> dict[str, Expected]:
        if entry.key not in self._expected:
            self._expected[entry.key] = _expectations(self._store, [entry])[0]
        return self._expected[entry.key]
