"""The automations that tell people about the data: a file that has changed, a dataset that did not arrive.

The runs emit the events (`flows.ui.events`); each becomes one notification.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from flows.ui.events import DATASET_MISSING, SCHEMA_DRIFT

if TYPE_CHECKING:
    from prefect.events.schemas.automations import AutomationCore

CHANGED, ABSENT = "lake: a file has changed", "lake: a dataset is missing"

_OWNER = "{% if event.payload.owner %} Its owner is {{ event.payload.owner }}.{% endif %}"

Tell = Callable[[str, str], list[Any]]
"""Makes the actions that send a subject and a text, both Jinja templates."""


def data_notifications(tell: Tell) -> list[AutomationCore]:
    """Return the automations.

    Args:
        tell: Makes the actions that send a subject and a text.
    """
    changed = _on(
        SCHEMA_DRIFT,
        CHANGED,
        "Tells what is different about a dataset's files since they landed last.",
        tell(
            "{{ event.payload.dataset }} has changed",
            "{{ event.payload.summary }}\n\n{{ event.payload.changes_in_all }} changes in {{ event.payload.bucket }}."
            + _OWNER,
        ),
    )
    absent = _on(
        DATASET_MISSING,
        ABSENT,
        "Tells which expected dataset has no file on a day.",
        tell(
            "{{ event.payload.dataset }} is missing on {{ event.payload.day }}",
            "Bucket {{ event.payload.bucket }} has no file of it for that day."
            "{% if event.payload.last_landed %} It landed last on {{ event.payload.last_landed }}.{% endif %}"
            " Ask its source, then start ingest-raw with that partition_date." + _OWNER,
        ),
    )
    return [changed, absent]


def _on(event: str, name: str, description: str, actions: list[Any]) -> AutomationCore:
    from prefect.events.schemas.automations import AutomationCore, EventTrigger, Posture

    return AutomationCore(
        name=name,
        description=description,
        trigger=EventTrigger(
            expect={event},
            match={"prefect.resource.id": "lake.dataset.*"},
            for_each={"prefect.resource.id"},
            posture=Posture.Reactive,
            threshold=1,
            within=timedelta(0),
        ),
        actions=actions,
    )
