"""What a copy would take: bytes, requests and, where a side is on AWS, dollars by its list prices.

The arithmetic is that of docs/operations.md. List prices change: a figure here says which order to expect, and AWS's
own calculator what it is today. What the target holds already is known by a listing; a copy looks closer.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from flows.lake.copying.lake_copy import in_range
from flows.lake.copying.records import Named, portions, read_portion
from flows.lake.manifests.store import ManifestStore, StoredManifest
from flows.lake.raw.storing import UploadOptions
from flows.lake.s3.bucket import Bucket
from flows.lake.s3.stored_keys import KEYS_TOGETHER, find_stored
from flows.lake.s3.transfer import part_size_for
from flows.lake.units import size_text

GB = 2**30
"""As AWS counts it."""


@dataclass(frozen=True)
class Rates:
    """List prices in USD.

    Attributes:
        writing: A thousand requests that write or list.
        reading: A thousand that read.
        storage: A GB and month.
        to_region: A GB sent to another region.
        to_internet: A GB sent to elsewhere than AWS.
    """

    writing: float
    reading: float
    storage: float
    to_region: float
    to_internet: float


LIST_PRICES = {
    "us-east-1": Rates(0.005, 0.0004, 0.023, 0.02, 0.09),
    "sa-east-1": Rates(0.007, 0.00056, 0.0405, 0.138, 0.15),
}
"""Late 2025, of the class Standard. https://aws.amazon.com/s3/pricing/"""

ELSEWHERE = LIST_PRICES["us-east-1"]


@dataclass(frozen=True)
class Estimate:
    """What a copy would take.

    Attributes:
        manifests: Manifests that the target lacks.
        objects: Objects that it lacks.
        size_bytes: Their size.
        there: Objects that it holds, as a listing shows them.
        other_sizes: Objects under whose keys it holds something of another size.
        reads: Requests that read from the source.
        lists: Requests that list or look, on both sides.
        writes: Requests that write to the target.
        once: What the copy costs in USD by list prices; `None` where neither side is on AWS.
        a_month: What the target's storage costs.
    """

    manifests: int
    objects: int
    size_bytes: int
    there: int
    other_sizes: int
    reads: int
    lists: int
    writes: int
    once: float | None
    a_month: float | None

    def sentence(self) -> str:
        """Tell it to people."""
        requests = f"{self.reads:,} reading, {self.lists:,} listing and {self.writes:,} writing requests"
        what = f"{self.objects:,} objects ({size_text(self.size_bytes)}) and {self.manifests:,} manifests to copy"
        there = f"{self.there:,} objects are there" + (
            f", {self.other_sizes:,} of another size" if self.other_sizes else ""
        )
        price = (
            "neither side is on AWS, so no price is known"
            if self.once is None
            else f"about {self.once:,.2f} USD once, and {self.a_month or 0:,.2f} USD a month to keep, by list prices"
        )
        return f"{what}; {there}. {requests}; {price}."


def estimate(
    source: ManifestStore,
    target: ManifestStore | None,
    listed: list[StoredManifest],
    *,
    upload: UploadOptions | None = None,
    inside: bool = False,
) -> Estimate:
    """Say what a copy of some manifests would take.

    Args:
        source: The manifests of the source.
        target: Those of the target; `None` where there is no such bucket yet.
        listed: Which would be copied.
        upload: How objects would be stored.
        inside: Whether S3 would copy by itself.

    Raises:
        StorageError: What S3 answers, or no answer.
    """
    upload = upload or UploadOptions()
    in_target: set[str] = set()
    if target and listed:
        in_target = {one.key for one in in_range(target, listed[0].day, listed[-1].day)}
    objects = there = other_sizes = size_bytes = reads = writes = 0
    lists = 4 + 2 * (len(listed) // 1000)
    for some in portions(listed):
        portion = read_portion(source, target, some, in_target)
        wanted = {named.key: named for record in portion.records for named in record.named}
        stored = find_stored(target.bucket, wanted) if target else {}
        lacking = [named for key, named in wanted.items() if key not in stored]
        objects += len(lacking)
        there += len(stored)
        other_sizes += sum(one.size_bytes != wanted[key].size_bytes for key, one in stored.items())
        size_bytes += sum(named.size_bytes for named in lacking)
        lists += -(-len(wanted) // KEYS_TOGETHER)
        reads += (0 if inside else _pieces(lacking, upload)) + 2 * len(some)
        writes += len(lacking) if inside else _requests(lacking, upload)
    new = sum(one.key not in in_target for one in listed)
    writes += 2 * new  # with its log
    once, a_month = _price(source.bucket, target.bucket if target else None, size_bytes, reads, lists + writes, inside)
    return Estimate(new, objects, size_bytes, there, other_sizes, reads, lists, writes, once, a_month)


def _pieces(lacking: Iterable[Named], upload: UploadOptions) -> int:
    return sum(_parts(named, upload) or 1 for named in lacking)


def _requests(lacking: Iterable[Named], upload: UploadOptions) -> int:
    return sum(parts + 2 if (parts := _parts(named, upload)) else 1 for named in lacking)


def _parts(named: Named, upload: UploadOptions) -> int:
    if named.size_bytes <= upload.multipart_above_bytes:
        return 0
    return -(-named.size_bytes // part_size_for(named.size_bytes, upload.part_size_bytes))


def _price(
    source: Bucket, target: Bucket | None, size_bytes: int, reads: int, writes: int, inside: bool
) -> tuple[float | None, float | None]:
    """Return what it costs once and a month, by the sides that are on AWS."""
    once: float | None = None
    a_month: float | None = None
    size_gb = size_bytes / GB
    if source.is_on_aws:
        rates = LIST_PRICES.get(source.region, ELSEWHERE)
        away = rates.to_internet
        if target and target.is_on_aws:
            away = 0.0 if inside or target.region == source.region else rates.to_region
        once = reads / 1000 * rates.reading + size_gb * away
    if target and target.is_on_aws:
        rates = LIST_PRICES.get(target.region, ELSEWHERE)
        once = (once or 0.0) + writes / 1000 * rates.writing
        a_month = size_gb * rates.storage
    return once, a_month
