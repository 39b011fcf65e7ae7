"""The arithmetic of a dry run's price."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from flows.lake.copying import price
from flows.lake.copying.records import Named
from flows.lake.raw.storing import UploadOptions
from flows.lake.units import MIB


@dataclass(frozen=True)
class Side:
    """What is asked of a bucket here."""

    is_on_aws: bool
    region: str = "sa-east-1"


def test_requests_of_small_objects_and_of_parts() -> None:
    small, large = (Named("k", size, None, None, None, None) for size in (1000, 100 * MIB))
    assert price._pieces([small, large], UploadOptions()) == 1 + 13
    assert price._requests([small, large], UploadOptions()) == 1 + 13 + 2


@pytest.mark.parametrize(
    ("source", "target", "inside", "once", "a_month"),
    [
        (Side(False), Side(False), False, None, None),
        (Side(False), Side(True), False, 7.0, 100 * 0.0405),
        (Side(True), Side(False), False, 0.56 + 100 * 0.15, None),
        (Side(True), Side(True, "us-east-1"), False, 0.56 + 100 * 0.138 + 5.0, 100 * 0.023),
        (Side(True), Side(True), False, 0.56 + 7.0, 100 * 0.0405),
        (Side(True), Side(True), True, 0.56 + 7.0, 100 * 0.0405),
    ],
)
def test_price_of_100_gb_and_a_million_requests_each_way(
    source: Side, target: Side, inside: bool, once: float | None, a_month: float | None
) -> None:
    found = price._price(source, target, 100 * price.GB, 1_000_000, 1_000_000, inside)  # type: ignore[arg-type]
    assert found == (pytest.approx(once), pytest.approx(a_month)) if once is not None else found == (None, None)
