"""Report the results of the cases: a table of all, and the whole story of each failure."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from temporalio.api.enums.v1 import EventType
from temporalio.service import RPCError

from tests.matrix.case_run import Journey
from tests.matrix.cases import Case, Fault, left_out
from tests.matrix.checks import events_of

SLOWEST: Final = 8
_PREFIX: Final = "EVENT_TYPE_"
_DULL: Final = ("WORKFLOW_TASK_",)


@dataclass(frozen=True, slots=True)
class Outcome:
    case: Case
    seconds: float
    end: str
    """The order's last status, and whether a step was parked."""
    is_right: bool


def table(outcomes: Sequence[Outcome], seconds: float) -> Iterator[str]:
    ends = sorted({outcome.end for outcome in outcomes})
    counts = Counter((outcome.case.fault, outcome.end) for outcome in outcomes)
    width = max(len(fault) for fault in Fault)
    yield f"{'':{width}}  " + "  ".join(f"{end:>17}" for end in ends) + "    cases  wrong"
    for fault in Fault:
        of_fault = [outcome for outcome in outcomes if outcome.case.fault is fault]
        wrong = sum(not outcome.is_right for outcome in of_fault)
        cells = "  ".join(f"{counts[fault, end] or '':>17}" for end in ends)
        yield f"{fault:{width}}  {cells}  {len(of_fault):>7}  {wrong:>5}"
    wrong = sum(not outcome.is_right for outcome in outcomes)
    yield f"{len(outcomes)} cases in {seconds:.0f} s, {wrong} wrong"
    for outcome in sorted(outcomes, key=lambda outcome: -outcome.seconds)[:SLOWEST]:
        yield f"{outcome.seconds:.0f} s: {outcome.case.name}"
    for why, count in left_out().items():
        yield f"{count} combinations left out: {why}"


async def story(journey: Journey, faults: Sequence[str]) -> str:
    return "\n".join([*faults, *[line async for line in _evidence(journey)]])


async def _evidence(journey: Journey) -> AsyncIterator[str]:
    yield f"order {journey.id}, SKU {journey.people.sku}, queue {journey.people.queue}"
    for event in await events_of(journey):
        meta = event.metadata
        yield f"  {event.position:>6} {event.type:<28} {meta.workflow_id} {meta.step}"
    yield f"payments {await journey.world.payments.effects(journey.id)}"
    yield f"carrier {await journey.world.carrier.effects(journey.id)}"
    for workflow_id in journey.workflow_ids:
        async for line in _history(journey, workflow_id):
            yield line


async def _history(journey: Journey, workflow_id: str) -> AsyncIterator[str]:
    handle = journey.world.client.get_workflow_handle(workflow_id)
    try:
        yield f"{workflow_id}: {(await handle.describe()).status}"
        async for event in handle.fetch_history_events():
            name = EventType.Name(event.event_type).removeprefix(_PREFIX)
            if name.startswith(_DULL):
                continue
            attributes = getattr(event, event.WhichOneof("attributes") or "")
            kind = getattr(attributes, "activity_type", None)
            detail = kind.name if kind else getattr(attributes, "marker_name", "")
            yield f"  {event.event_id:>4} {event.event_time.ToJsonString()[11:23]} {name} {detail}"
    except RPCError:
        yield f"{workflow_id}: none"
