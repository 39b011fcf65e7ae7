"""Manifests in the bucket: stored under a key that was free, found by day, read whole.

They lie under `Manifests/<yyyy>/<mm>/<dd>/` of the run's logical date, also where a run's files went to the partitions
of other days (`date` in a contract): a run has one manifest, and each entry names its own day. S3 lists names in
ascending order only, so days are looked at a month at a time, one request for each thousand manifests.

Left to others: what they hold (`flows.lake.manifests.manifest`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import chain

from pydantic import ValidationError

from flows.lake import keys
from flows.lake.errors import ManifestUnreadable, StorageError
from flows.lake.manifests.manifest import MAX_BYTES, Manifest, from_json
from flows.lake.manifests.signature import signed
from flows.lake.s3.bucket import Bucket
from flows.lake.s3.put_new import put_new
from flows.lake.words import shown

MOST_MONTHS = 36
"""Beyond so many, one listing of all manifests asks less than one for each month."""


@dataclass(frozen=True)
class StoredManifest:
    """A manifest as a listing shows it: its key, the day in it, its size, and when it was written."""

    key: str
    day: date
    size_bytes: int
    written: datetime


@dataclass(frozen=True)
class ManifestStore:
    """The manifests of one bucket.

    Attributes:
        bucket: The bucket.
        signing_key: Signs what is stored, and tells what was signed with it; nothing is signed without.

    Every method raises a `StorageError` for what S3 answers, or for no answer.
    """

    bucket: Bucket
    signing_key: bytes | None = field(default=None, repr=False)

    def store(self, text: str, manifest_keys: tuple[str, ...]) -> str:
        """Store a manifest under the first of two keys that is free; none ever replaces another one.

        Returns:
            The key.

        Raises:
            StorageError: Both are taken, or S3 refused.
        """
        body = signed(text, self.signing_key).encode()
        for key in manifest_keys:
            if put_new(self.bucket, key, body, content_type="application/json"):
                return key
        first, second = manifest_keys
        raise StorageError(
            f"The manifest keys {first} and {second} are both taken.", bucket=self.bucket.name, key=second
        )

    def read(self, key: str) -> Manifest:
        """Read one manifest.

        Raises:
            ManifestUnreadable: There is none, or it is not a manifest, or of a version that this program does not know.
        """
        return self.parsed(key, self.text(key))

    def parsed(self, key: str, body: bytes) -> Manifest:
        """Return the manifest that a text is.

        Raises:
            ManifestUnreadable: It is none, or of a version that this program does not know.
        """
        try:
            manifest = from_json(body, self.signing_key)
            if manifest.bucket != self.bucket.name:
                manifest = from_json(body)  # copied here by hand: nothing here is recognised by it
            return manifest
        except ValueError as error:
            raise self._unreadable(key, error) from error

    def text(self, key: str) -> bytes:
        """Return a manifest as it is stored.

        Raises:
            ManifestUnreadable: There is none, or it is larger than any that is read.
        """
        with self.bucket.doing(f"reading {key!r}", key=key):
            body = self.bucket.get(key, MAX_BYTES)
        if body is None:
            raise ManifestUnreadable(
                f"There is no manifest at s3://{self.bucket.name}/{key}.",
                remedy="Find out who deleted it: the run that wrote its files can no longer be verified.",
                bucket=self.bucket.name,
                key=key,
            )
        if len(body) > MAX_BYTES:
            raise self._unreadable(key, ValueError(f"it has more than {MAX_BYTES:,} bytes"))
        return body

    def _unreadable(self, key: str, error: ValueError) -> ManifestUnreadable:
        return ManifestUnreadable(
            f"s3://{self.bucket.name}/{key} is not a manifest that this version can read: {_first_problem(error)}.",
            remedy="Look at it: another program may have written it, or a newer version of this one.",
            bucket=self.bucket.name,
            key=key,
        )

    def between(self, start: date, end: date) -> list[StoredManifest]:
        """Return the manifests of a range of days, both included, in the order of day and time of writing."""
        months = list(_months(start, end))
        found = self.every() if len(months) > MOST_MONTHS else chain.from_iterable(map(self.of_month, months))
        return [manifest for manifest in sorted(found, key=_order) if start <= manifest.day <= end]

    def newest_first(self, day: date, months: int) -> Iterator[StoredManifest]:
        """Yield the manifests up to a day, the newest first, out of its month and some before; lists lazily."""
        month = day.replace(day=1)
        for _ in range(months):
            manifests = [entry for entry in self.of_month(month) if entry.day <= day]
            yield from sorted(manifests, key=_order, reverse=True)
            if month == date.min:
                return
            month = (month - timedelta(days=1)).replace(day=1)

    def every(self) -> list[StoredManifest]:
        """Return every manifest of the bucket."""
        return list(self._under(f"{keys.MANIFEST_PREFIX}/"))

    def of_month(self, month: date) -> Iterator[StoredManifest]:
        """Yield the manifests of a month, given by its first day."""
        return self._under(f"{keys.MANIFEST_PREFIX}/{keys.day_path(month)[:7]}/")

    def _under(self, prefix: str) -> Iterator[StoredManifest]:
        with self.bucket.doing(f"listing {prefix!r}"):
            for item in self.bucket.objects(prefix):
                day = keys.day_of_key(item["Key"])
                if day is not None and item["Key"].endswith(".json"):
                    yield StoredManifest(item["Key"], day, item["Size"], item["LastModified"])


def _first_problem(error: ValueError) -> str:
    """Return what is wrong with a manifest, and where in it, in one short sentence."""
    if not isinstance(error, ValidationError):
        return str(error)
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    return shown(f"{where}: {first['msg']}" if where else first["msg"])


def _order(entry: StoredManifest) -> tuple[date, datetime, str]:
    return entry.day, entry.written, entry.key


def _months(start: date, end: date) -> Iterator[date]:
    month = start.replace(day=1)
    while month <= end:
        yield month
        month = (month + timedelta(days=32)).replace(day=1)
