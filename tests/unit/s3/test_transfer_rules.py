"""The sizes of parts, and how long a request is tried again: rules that no server is needed for."""

from __future__ import annotations

import time
from typing import Any

import pytest
from botocore.exceptions import ConnectTimeoutError, ReadTimeoutError

from flows.lake.s3.client import RetryPolicy
from flows.lake.s3.transfer import MAX_PARTS, part_size_for
from flows.lake.units import MIB

TB = 1024 * 1024 * MIB


@pytest.mark.parametrize("size_bytes", [1, 8 * MIB, 80_000 * MIB, 80_000 * MIB + 1, 5 * TB])
def test_part_size_grows_so_that_no_file_has_more_than_ten_thousand_parts(size_bytes: int) -> None:
    part_bytes = part_size_for(size_bytes, 8 * MIB)
    assert -(-size_bytes // part_bytes) <= MAX_PARTS
    assert part_bytes >= 8 * MIB
    assert part_bytes % MIB == 0


def pause(policy: RetryPolicy, failing_for_s: float, *, attempts: int = 3, **outcome: Any) -> float | None:
    """Ask the policy about a request whose first failure lies so far back."""
    context = {"lake_first_failure_s": time.monotonic() - failing_for_s}
    given: dict[str, Any] = {"response": None, "caught_exception": None} | outcome
    return policy(**given, attempts=attempts, request_dict={"context": context})


def answer(status: int, code: str) -> dict[str, Any]:
    class Http:
        status_code = status

    return {"response": (Http(), {"Error": {"Code": code}})}


BUSY = [answer(500, "InternalError"), answer(503, "SlowDown"), answer(502, ""), answer(400, "RequestTimeout")]


@pytest.mark.parametrize("outcome", BUSY)
def test_retry_of_what_passes_goes_on_for_a_minute_and_ends(outcome: dict[str, Any]) -> None:
    assert pause(RetryPolicy(), 60, **outcome) is not None
    assert pause(RetryPolicy(), 120, **outcome) is None


def test_retry_of_time_outs_and_resets_needs_an_endpoint_that_has_answered_once() -> None:
    policy, lost = RetryPolicy(), {"caught_exception": ConnectTimeoutError(endpoint_url="http://x")}
    assert pause(policy, 10, **lost) is not None
    assert pause(policy, 60, **lost) is None
    pause(policy, 0, **answer(404, "NoSuchKey"))
    assert pause(policy, 60, **lost) is not None
    assert pause(policy, 60, caught_exception=ReadTimeoutError(endpoint_url="http://x")) is not None


@pytest.mark.parametrize(("status", "code"), [(403, "AccessDenied"), (404, "NoSuchBucket"), (400, "InvalidRequest")])
def test_retry_of_what_stays_never_happens(status: int, code: str) -> None:
    assert pause(RetryPolicy(), 0, **answer(status, code)) is None


def test_retry_pauses_grow_to_ten_seconds_and_half_of_each_is_random() -> None:
    policy = RetryPolicy()
    for attempts, longest in ((1, 0.5), (2, 1.0), (4, 4.0), (9, 10.0)):
        pauses = {pause(policy, 1, attempts=attempts, **BUSY[0]) for _ in range(20)}
        assert len(pauses) > 1
        assert all(given and longest / 2 <= given <= longest for given in pauses)
