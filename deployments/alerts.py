"""The automations of `make deploy`: one that ends dead runs, and those that tell people through a notification block.

Prefect has no supervisor that would end the run of a worker that was killed: such a run stays Running, and on
a deployment with a limit of one it would hold back those of the next days until its lease ends. Every run sends a sign
of life (`prefect.flow-run.heartbeat`, each 180 s by default); `DEAD` makes a run Crashed that has given none for
`Times.dead`. It is created always; the others only when a block is named: they have nobody to tell otherwise. What
is told about the data, not the runs, is in `deployments.data_alerts`.

An automation is found again by its name and replaced, so that a second `make deploy` changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from deployments.data_alerts import data_notifications

if TYPE_CHECKING:
    from prefect.events.schemas.automations import AutomationCore

DAILY = "ingest-raw"
"""The flow that must complete a run each day, on whichever deployment has a schedule."""
FLOWS = [DAILY, "backfill-raw", "verify-raw", "landing-calendar", "copy-lake", "ingest-tmdb", "analyze-films"]
DEAD, FAILED, LATE = "lake: end dead runs", "lake: a run failed", "lake: a run is late"
MISSING, STUCK = "lake: no run completed", "lake: a run is stuck"
BAD_ENDS = {"prefect.flow-run.Failed", "prefect.flow-run.Crashed", "prefect.flow-run.TimedOut"}
ENDS = BAD_ENDS | {"prefect.flow-run.Completed", "prefect.flow-run.Cancelled"}

WHICH = "{{ flow.name }}{% if deployment.name %}/{{ deployment.name }}{% endif %}"
RUN = "Run {{ flow_run.name }} of " + WHICH
# The link needs the server's PREFECT_UI_URL.
WHERE = "\n\nScheduled for {{ flow_run.expected_start_time }}.{% if flow_run|ui_url %} {{ flow_run|ui_url }}{% endif %}"


@dataclass(frozen=True)
class Times:
    """How long the automations wait.

    Attributes:
        dead: Without a sign of life, after which a run counts as dead: three missed ones, and longer than a server
            needs to be upgraded.
        late: From the moment a run should have started; a run due at 06:00 is reported at 08:00.
        missing: From one completed run to the next; after a run that completed just past 06:00 this ends at 08:00.
        stuck: From a run's start to its end, though it gives signs of life.
    """

    dead: timedelta = timedelta(minutes=10)
    late: timedelta = timedelta(hours=2)
    missing: timedelta = timedelta(hours=26)
    stuck: timedelta = timedelta(hours=4)


def apply(block: str | None = None, times: Times | None = None) -> list[str]:
    """Create or replace the automations on the server that this process talks to.

    Args:
        block: The notification block, as `type-slug/name`; `None` for none.
        times: How long they wait.

    Returns:
        The automations' names.

    Raises:
        ValueError: There is no such block.
    """
    from prefect.client.orchestration import get_client

    times = times or Times()
    with get_client(sync_client=True) as client:
        wanted = [dead_runs(times)]
        if block:
            wanted += notifications(_block_id(client, block), times, _scheduled_deployments(client))
        for automation in wanted:
            # The PUT takes what was set here and resets the rest.
            existing = client.read_automations_by_name(automation.name)
            if existing:
                client.update_automation(existing[0].id, automation)
            else:
                client.create_automation(automation)
    return [automation.name for automation in wanted]


def dead_runs(times: Times) -> AutomationCore:
    """Return the automation that makes a run Crashed which gives no sign of life."""
    from prefect.client.schemas.objects import StateType
    from prefect.events.actions import ChangeFlowRunState

    minutes = times.dead.total_seconds() / 60
    return _proactive(
        DEAD,
        "Makes a run Crashed whose process gives no sign of life, so that it does not hold back the next ones.",
        # Pending too: a container that never starts sends no heartbeat. Each sign of life starts the wait anew.
        after={"prefect.flow-run.Pending", "prefect.flow-run.Running", "prefect.flow-run.heartbeat"},
        expect={"prefect.flow-run.*"},
        within=times.dead,
        actions=[
            ChangeFlowRunState(
                state=StateType.CRASHED,
                message=f"No sign of life for {minutes:g} minutes: the worker, its container or its machine is gone."
                " Start the day's run again: what has landed already is not sent twice.",
            )
        ],
    )


def notifications(block_id: UUID, times: Times, deployment_ids: Iterable[str]) -> list[AutomationCore]:
    """Return the automations that tell people.

    Args:
        block_id: The notification block.
        times: How long they wait.
        deployment_ids: The deployments that have a schedule, and so a day on which they can be missing.
    """
    from prefect.events.schemas.automations import AutomationCore, EventTrigger, Posture

    def tell(subject: str, body: str) -> list[Any]:
        from prefect.events.actions import SendNotification

        return [SendNotification(block_document_id=block_id, subject=subject, body=body)]

    failed = AutomationCore(
        name=FAILED,
        description="Tells which run failed, with the files and reasons that its message names.",
        trigger=EventTrigger(
            expect=BAD_ENDS,
            match={"prefect.resource.id": "prefect.flow-run.*"},
            match_related=_of_flows(),
            posture=Posture.Reactive,
            threshold=1,
        ),
        actions=tell(RUN + ": {{ flow_run.state.name }}", "{{ flow_run.state.message }}" + WHERE),
    )
    late = _proactive(
        LATE,
        "Tells of a run that should have started and has not.",
        after={"prefect.flow-run.Late", "prefect.flow-run.AwaitingConcurrencySlot"},
        expect=ENDS | {"prefect.flow-run.Running"},
        within=times.late,
        actions=tell(
            RUN + " has not started",
            "It is {{ flow_run.state.name }}. Is a worker of its pool up, and does no other run hold its place?"
            + WHERE,
        ),
    )
    missing = _proactive(
        MISSING,
        "Tells when a deployment with a schedule has completed no run for more than a day.",
        after={"prefect.flow-run.Completed"},
        expect={"prefect.flow-run.Completed"},
        for_each={"related:deployment:prefect.resource.id"},
        related={"prefect.resource.role": "deployment", "prefect.resource.id": sorted(deployment_ids) or ["none"]},
        within=times.missing,
        actions=tell(
            WHICH + f" has completed no run for {_hours(times.missing)}",
            "The last one was {{ flow_run.name }}. Are its schedule and its worker on? A run that failed was told of."
            + WHERE,
        ),
    )
    stuck = _proactive(
        STUCK,
        "Tells of a run that gives signs of life and comes to no end.",
        after={"prefect.flow-run.Running"},
        expect=ENDS,
        within=times.stuck,
        actions=tell(
            RUN + f" has not ended after {_hours(times.stuck)}",
            "It is {{ flow_run.state.name }}. Its log says what it waits for; cancel it to let the next one start."
            + WHERE,
        ),
    )
    return [failed, late, missing, stuck, *data_notifications(tell)]


def _proactive(
    name: str,
    description: str,
    *,
    after: set[str],
    expect: set[str],
    within: timedelta,
    actions: list[Any],
    for_each: set[str] | None = None,
    related: dict[str, Any] | None = None,
) -> AutomationCore:
    """Return an automation that acts when something expected does not happen in time."""
    from prefect.events.schemas.automations import AutomationCore, EventTrigger, Posture

    return AutomationCore(
        name=name,
        description=description,
        trigger=EventTrigger(
            after=after,
            expect=expect,
            match={"prefect.resource.id": "prefect.flow-run.*"},
            match_related=related or _of_flows(),
            for_each=for_each or {"prefect.resource.id"},
            posture=Posture.Proactive,
            threshold=1,
            within=within,
        ),
        actions=actions,
    )


def _of_flows() -> dict[str, Any]:
    return {"prefect.resource.role": "flow", "prefect.resource.name": FLOWS}


def _hours(time: timedelta) -> str:
    return f"{time.total_seconds() / 3600:g} h"


def _block_id(client: Any, block: str) -> UUID:
    from prefect.exceptions import ObjectNotFound

    kind, _, name = block.partition("/")
    try:
        document = client.read_block_document_by_name(name, kind, include_secrets=False)
    except ObjectNotFound:
        raise ValueError(
            f"There is no notification block {block!r}. Name it as TYPE/NAME, as `prefect block ls` lists it:"
            " for example slack-webhook/data-team."
        ) from None
    document_id: UUID = document.id
    return document_id


def _scheduled_deployments(client: Any) -> list[str]:
    from prefect.client.schemas.filters import FlowFilter, FlowFilterName

    return [
        f"prefect.deployment.{deployment.id}"
        for deployment in client.read_deployments(flow_filter=FlowFilter(name=FlowFilterName(any_=[DAILY])))
        if not deployment.paused and any(schedule.active for schedule in deployment.schedules)
    ]
