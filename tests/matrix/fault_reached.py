"""Check that the order met the fault of its case, from independent evidence."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Final

from temporalio.api.enums.v1 import EventType

from tests.matrix.case_run import Journey
from tests.matrix.cases import Fault
from tests.matrix.fault_injection import LOST_ANSWER

_CANCEL_REQUESTED: Final = EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CANCEL_REQUESTED


async def not_met(journey: Journey) -> AsyncIterator[str]:
    case, scripts = journey.case, journey.world.scripts
    if not scripts.has_sprung(journey.id):
        yield "the fault was never met"
    if case.is_disturbed and not journey.disturbance.is_over:
        yield "the test never came to do what it is there for"
    async for operation, how in _not_served(journey):
        yield f"the provider has never answered {operation} with {how}"
    if case.fault is Fault.TEMPORAL_CANCELLED and not await _was_cancelled(journey):
        yield "the workflow's history has no request to cancel it"


async def _not_served(journey: Journey) -> AsyncIterator[tuple[str, str]]:
    script = journey.case.script
    expected = [(script.operation, script.fault), (script.lost, LOST_ANSWER)]
    if script.provider is None:
        return
    served = await journey.world.served(script.provider, journey.id)
    for operation, how in expected:
        if operation and how and how not in served.get(operation, {}):
            yield operation, how


async def _was_cancelled(journey: Journey) -> bool:
    client, run = journey.world.client, journey.disturbance.cancelled_run
    order = client.get_workflow_handle(f"order-{journey.id}", run_id=run)
    return any(
        [event.event_type == _CANCEL_REQUESTED async for event in order.fetch_history_events()]
    )
