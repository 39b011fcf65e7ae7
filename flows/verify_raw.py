"""The flow `verify-raw`: whether the raw layer still is what the manifests of its runs say.

It only reads, so credentials that may list and get objects are enough, and it leaves its findings where people look:
the state message, the run's log in Prefect and an artifact. What is checked how is in `flows.lake.manifests.verify`.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.logging import get_run_logger
from prefect.runtime import flow_run
from prefect.states import Completed, Failed

from flows.connection import connect, find_lake
from flows.lake.errors import LakeError, SettingsError, VerificationFailed
from flows.lake.run_models import LakeAddress
from flows.lake.words import shown
from flows.ui import artifacts
from flows.ui.days import as_date, logical_date
from flows.ui.parameters import BlockName, BucketName
from flows.ui.stage import stage

if TYPE_CHECKING:
    from flows.lake.manifests.verify import Verification

DEFAULT_DAYS = 8
"""A week and a day, so that weekly runs overlap."""


def run_name() -> str:
    """Name a run after its days: `2026-11-17 to 2026-11-24`."""
    given = flow_run.parameters
    start, end = _days(given.get("start_date"), given.get("end_date"))
    return f"{start} to {end}" + (" (deep)" if given.get("deep") else "")


@flow(name="verify-raw", flow_run_name=run_name)
def verify_raw(
    bucket: BucketName = "compass-desafio-final-dramance",
    credentials: BlockName = "local-lake",
    start_date: date | None = None,
    end_date: date | None = None,
    deep: bool = False,
) -> State[Any]:
    """Check that every object that the manifests of some days name is in the lake as it was stored, and no other.

    Args:
        bucket: S3 bucket of the lake. {account} and {region} in it are filled in.
        credentials: Name of the Lake Credentials block; it needs no permission to write.
        start_date: First day whose runs are checked. Empty: a week before the last one.
        end_date: Last day whose runs are checked. Empty: the day of the run's scheduled start.
        deep: Read every byte back and hash it, instead of asking the server for its checksums.
    """
    start, end = _days(start_date, end_date)
    try:
        if start > end:
            raise SettingsError(f"start_date {start} is after end_date {end}.", remedy="Correct the run's parameters.")
        lake = find_lake(bucket, credentials)
        verification = compare(lake, start, end, deep)
    except LakeError as error:
        return Failed(message=str(error), data=error)
    return _told(verification, lake)


@stage(name="compare-with-manifests", task_run_name="compare {address.bucket} with its manifests")
def compare(address: LakeAddress, start: date, end: date, deep: bool) -> Verification:
    """Compare the raw layer with the manifests of a range of days."""
    from flows.lake.manifests.verify import verify

    return verify(connect(address).bucket, start, end, deep=deep, progress=get_run_logger().info)


def _told(found: Verification, address: LakeAddress) -> State[Any]:
    """Tell what was found, and return the state that the run ends in."""
    from flows.lake.reports import verify_text

    redact = connect(address).redact
    for finding in found.findings:
        get_run_logger().error("%s %s: it %s", shown(finding.key), finding.kind, redact(finding.text))
    description = f"Whether the raw layer of {address.bucket} is what its manifests say."
    artifacts.publish_markdown("verify-raw", verify_text.markdown(found, address.bucket), description, redact)
    verdict = redact(verify_text.verdict(found, address.bucket))
    if found.findings:
        return Failed(message=verdict, data=VerificationFailed(verdict))
    return Completed(message=verdict, data=found)


def _days(start: Any, end: Any) -> tuple[date, date]:
    """Return the days of a run, with what its parameters leave open filled in."""
    last = as_date(end) or logical_date()
    return as_date(start) or last - timedelta(days=DEFAULT_DAYS - 1), last
