"""The flow `landing-calendar`: which dataset landed on which day, and an event for each that did not arrive today.

It runs when the day's files should be there, and reads manifests only: it also notices the day on which no run of
`ingest-raw` took place at all. What the calendar is made of is in `flows.lake.manifests.landing_calendar`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any
from zoneinfo import ZoneInfo

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.logging import get_run_logger
from prefect.runtime import flow_run
from prefect.states import Completed, Failed
from pydantic import Field

from flows.connection import connect, find_lake, load_contracts
from flows.ingest import past_runs
from flows.lake.contracts import collection
from flows.lake.contracts.collection import DEFAULT_FILE, load
from flows.lake.errors import LakeError
from flows.lake.run_models import LakeAddress
from flows.lake.words import shown
from flows.ui import artifacts, events
from flows.ui.days import DEFAULT_TIMEZONE, as_date, logical_date, scheduled_start
from flows.ui.parameters import BlockName, BucketName, Contracts, TimeZone
from flows.ui.stage import stage

if TYPE_CHECKING:
    from flows.lake.contracts.rhythm import Rhythm
    from flows.lake.manifests.landing_calendar import Calendar
    from flows.lake.manifests.manifest import Manifest


def run_name() -> str:
    """Name a run after the day that it looks at: `2026-11-24`."""
    return str(_last_day(flow_run.parameters.get("end_date")))


@flow(name="landing-calendar", flow_run_name=run_name)
def landing_calendar(
    bucket: BucketName = "compass-desafio-final-dramance",
    credentials: BlockName = "local-lake",
    expected: dict[str, str] | list[str] | None = None,
    contracts: Contracts = DEFAULT_FILE,
    timezone: TimeZone = DEFAULT_TIMEZONE,
    days: Annotated[int, Field(ge=1, le=92)] = 14,
    end_date: date | None = None,
) -> State[Any]:
    """Show which dataset landed on which day, and tell of those that should have arrived today and did not.

    Args:
        bucket: S3 bucket of the lake. {account} and {region} in it are filled in.
        credentials: Name of the Lake Credentials block; it needs no permission to write.
        expected: Dataset to its rhythm (daily, weekdays, weekly:mon or monthly:1), such as {"Orders": "weekly:mon"}, or
            a list: Movies (daily), Orders: weekly:mon. It counts from the first landing on, or from a day stated after
            it: daily since 2024-01-01. It takes the place of what contracts expect.
        contracts: What is known of the datasets, as for ingest-raw; expect in a contract says when its dataset is due.
        timezone: IANA time zone of the times of day in contracts.
        days: How many days the calendar shows.
        end_date: Its last day. Empty: the day of the run's scheduled start.
    """
    from flows.lake.contracts.rhythm import expected_rhythms

    day = _last_day(end_date)
    start = day - timedelta(days=min(days, day.toordinal()) - 1)
    try:
        rhythms, described = expected_rhythms(expected), load(contracts)
        lake = find_lake(bucket, credentials)
        described = load_contracts(described, lake)
        if not expected:
            rhythms = {name: of.expect.rhythm for name, of in described.items() if of.expect}
        calendar = read_calendar(lake, start, day, rhythms, scheduled_start(ZoneInfo(timezone)))
    except LakeError as error:
        return Failed(message=str(error), data=error)
    return _told(calendar, lake, described)


@stage(name="read-manifests", task_run_name="read manifests of {address.bucket}")
def read_calendar(
    address: LakeAddress, start: date, end: date, expected: Mapping[str, Rhythm], now: datetime
) -> Calendar:
    """Read the manifests of some days and make their calendar."""
    from flows.lake.errors import ManifestUnreadable
    from flows.lake.manifests.landed_days import LandedDays, find_landed_days
    from flows.lake.manifests.landing_calendar import make_calendar

    store = past_runs.store_of(address)
    # Files with a date in their name land on earlier days than that of their run.
    last = max(end, _last_day(None))
    manifests = store.between(start, last)
    get_run_logger().info("%d manifests from %s to %s", len(manifests), start, last)

    def each() -> Iterator[Manifest]:
        for stored in manifests:
            try:
                yield store.read(stored.key)
            except ManifestUnreadable as error:
                get_run_logger().warning("%s", error)

    def look_up(datasets: Collection[str]) -> dict[str, LandedDays]:
        return find_landed_days(store, datasets, end)

    return make_calendar(each(), start, end, expected, look_up, now=now)


def _told(calendar: Calendar, address: LakeAddress, contracts: collection.Contracts) -> State[Any]:
    """Tell what landed and what is missing, and return the state that the run ends in."""
    from flows.lake.reports import calendar_text

    redact = connect(address).redact
    description = f"Which dataset landed in {address.bucket} on which day."
    artifacts.publish_markdown(
        "landing-calendar", calendar_text.calendar_markdown(calendar, address.bucket), description, redact
    )
    day = calendar.days[-1]
    if calendar.never_landed:
        get_run_logger().warning("Expected, but never landed: %s", calendar_text.named(calendar.never_landed))
    for dataset in calendar.missing_on(day):
        last = calendar.last_landed(dataset)
        get_run_logger().warning("%s is missing on %s", shown(dataset), day)
        events.emit(
            events.DATASET_MISSING,
            events.dataset_resource(address.bucket, dataset),
            {
                "dataset": dataset,
                "bucket": address.bucket,
                "day": str(day),
                "last_landed": str(last) if last else None,
            }
            | events.owner_of(dataset, contracts, redact),
        )
    return Completed(message=redact(calendar_text.verdict(calendar)), data=calendar)


def _last_day(given: Any) -> date:
    return as_date(given) or logical_date()
