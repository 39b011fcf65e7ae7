"""What a person will want to do about how the run is set up: who hears of a failure, and whether its keys last.

Prefect is asked twice at most, and only for runs of a deployment; where it does not answer, nothing is said.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from prefect.logging import get_run_logger
from prefect.runtime import deployment

from blocks.identity import renewing_command
from blocks.sessions import expiry_of, renews
from flows.connection import connect
from flows.lake.run_models import NextStep
from flows.lake.words import shown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prefect.client.orchestration import SyncPrefectClient

    from flows.lake.run_models import LakeAddress

_TELLS = frozenset({"send-notification", "call-webhook"})


def steps(address: LakeAddress) -> tuple[NextStep, ...]:
    """Return what a person will want to do about the run's deployment and credentials."""
    if not deployment.id:
        return ()
    try:
        from prefect.client.orchestration import get_client

        with get_client(sync_client=True) as client:
            return (*_expiry(client, address, UUID(str(deployment.id))), *_notification(client))
    except Exception as error:
        # A run that landed its files is not lost for advice.
        get_run_logger().debug("What to do next could not be asked of Prefect (%s).", type(error).__name__)
        return ()


def _notification(client: SyncPrefectClient) -> Iterator[NextStep]:
    if any(_tells_of_failures(automation) for automation in client.read_automations()):
        return
    text = "Nobody is told when a run of this deployment fails: no automation sends a notification or calls a webhook."
    yield NextStep("notification", text, "make deploy NOTIFY=slack-webhook/data-team", "bash")


def _tells_of_failures(automation: Any) -> bool:
    return automation.enabled and any(action.type in _TELLS for action in automation.actions)


def _expiry(client: SyncPrefectClient, address: LakeAddress, deployment_id: UUID) -> Iterator[NextStep]:
    ends = _end_of_keys(address)
    if ends is None:
        return
    scheduled = client.get_scheduled_flow_runs_for_deployments([deployment_id])
    starts = sorted(run.expected_start_time for run in scheduled if run.expected_start_time)
    now = datetime.now(ends.tzinfo)
    if not starts or ends > next((start for start in starts if start > now), ends):
        return
    when = ends.astimezone().strftime("%Y-%m-%d %H:%M %Z")
    text = (
        f"The credentials of block {shown(address.credentials)} expire at {when}, before the next run of this "
        "deployment. Store new ones before, or use a role or a profile, whose sessions renew themselves."
    )
    yield NextStep("expiry", text, renewing_command(address.credentials), "bash")


def _end_of_keys(address: LakeAddress) -> datetime | None:
    """Return when the block's session ends, `None` where it does not, renews itself, or nobody knows."""
    block = connect(address).block
    used = block.get_boto3_session().get_credentials()
    if used is None or renews(used):
        return None
    return expiry_of(used) or (block.aws_session_expires if block.aws_session_token else None)
