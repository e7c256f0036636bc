"""Count an order's cost in Temporal: the events of its histories and the billed actions.

The figures cover all workflows of the order. The rules: https://docs.temporal.io/cloud/actions
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import Client

from domain.ids import order_workflow_id

LOCAL_ACTIVITY: Final = "core_local_activity"
"""The marker in which the SDK records the result of a local activity."""


@dataclass(frozen=True, slots=True)
class Cost:
    history_events: int
    actions: int


async def cost_of(client: Client, order_id: str) -> Cost:
    """Return the cost of the order's workflow and of all its child workflows."""
    histories = await _histories(client, order_workflow_id(order_id))
    return Cost(sum(map(len, histories)), sum(map(actions, histories)))


async def history_bytes(client: Client, order_id: str) -> int:
    """Return the size of all these histories as Temporal's API encodes them."""
    histories = await _histories(client, order_workflow_id(order_id))
    return sum(event.ByteSize() for history in histories for event in history)


async def _histories(client: Client, workflow_id: str) -> list[Sequence[HistoryEvent]]:
    handle = client.get_workflow_handle(workflow_id)
    events = [event async for event in handle.fetch_history_events()]
    found: list[Sequence[HistoryEvent]] = [events]
    for event in events:
        if event.event_type == EventType.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_STARTED:
            child = event.child_workflow_execution_started_event_attributes.workflow_execution
            found += await _histories(client, child.workflow_id)
    return found


def actions(history: Sequence[HistoryEvent]) -> int:
    """Count the billed actions of one workflow. A child's start is billed to the child."""
    one_by_one = sum(_BILLED[e.event_type](e) for e in history if e.event_type in _BILLED)
    return one_by_one + len({task for e in history for task in _task_of_local_activity(e)})


def _once(_: HistoryEvent) -> int:
    return 1


def _start(event: HistoryEvent) -> int:
    """Count 2 for a child, because the command of its parent is billed too."""
    is_child = event.workflow_execution_started_event_attributes.parent_workflow_execution
    return 2 if is_child.workflow_id else 1


def _attempts(event: HistoryEvent) -> int:
    """Count all attempts, because the history holds only the start of the last one."""
    return event.activity_task_started_event_attributes.attempt


def _task_of_local_activity(event: HistoryEvent) -> Sequence[int]:
    """Return the workflow task of a local activity. All local activities in it are one action."""
    marker = event.marker_recorded_event_attributes
    return [marker.workflow_task_completed_event_id] * (marker.marker_name == LOCAL_ACTIVITY)


_BILLED: Final[dict[EventType.ValueType, Callable[[HistoryEvent], int]]] = {
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED: _start,
    EventType.EVENT_TYPE_ACTIVITY_TASK_STARTED: _attempts,
    EventType.EVENT_TYPE_TIMER_STARTED: _once,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED: _once,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED: _once,
    EventType.EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES: _once,
}
