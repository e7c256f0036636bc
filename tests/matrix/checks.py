"""Check an order at its end against the log, the read models, the providers and Temporal."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from typing import Final

from demo import parts
from domain.inventory.decide import INVENTORY
from domain.order.decide import ORDER
from domain.order.events import OrderCreated, OrderReturned
from domain.order.state import FINAL, OrderStatus
from domain.payment.events import PaymentCaptured, PaymentRefunded, PaymentRefundedElsewhere
from domain.saga.events import SagaParked, SagaStepIntervened, SagaUnparked
from eventstore.envelope import StoredEvent
from queries.saga_ledger import SagaStatus
from queries.saga_states import StepState
from tests.matrix.at_most_once import done_again, repeated
from tests.matrix.case_run import Journey
from tests.matrix.cases import HARMLESS, Case
from tests.matrix.fault_reached import not_met
from tests.matrix.views import view_faults
from tests.matrix.world import COMPLETED, QUANTITY, RUNNING, TOTAL
from workflows.search_attributes import NEEDS_ATTENTION

CATEGORIES: Final = ("order", "payment", "shipment", "saga")
ProviderComparison = Mapping[str, tuple[int, int]]
"""The count and the sum of the amounts, for each effect."""

_UNSETTLED: Final = {StepState.RUNNING, StepState.UNDOING}
_REFUNDS = (PaymentRefunded, PaymentRefundedElsewhere)


async def faults(journey: Journey) -> list[str]:
    """Return a sentence for each check that fails."""
    world, order_id, case = journey.world, journey.id, journey.case
    payments = await world.payments.effects(order_id)
    carrier = await world.carrier.effects(order_id)
    events = await events_of(journey)
    status = (await world.state(ORDER, order_id)).status
    return [
        *_end(journey, status, carrier),
        *[fault async for fault in not_met(journey)],
        *repeated(case, events),
        *done_again(case, {**payments, **carrier}),
        *_parkings(events),
        *_money(payments, _due(case, status)),
        *_parts(events),
        *([] if case.point.scenario.settled_by_hand else _same_money(events, payments)),
        *[fault async for fault in _stock(journey, status, carrier)],
        *[fault async for fault in view_faults(world, order_id, journey.people.sku)],
        *[fault async for fault in _ledger(journey)],
        *[fault async for fault in _temporal(journey)],
    ]


async def events_of(journey: Journey) -> Sequence[StoredEvent]:
    streams = [f"{category}-{journey.id}" for category in CATEGORIES]
    streams.append(INVENTORY.stream(journey.people.sku))
    events = [event for stream in streams for event in await journey.world.events(stream)]
    return sorted(events, key=lambda event: event.position)


def _end(
    journey: Journey, status: OrderStatus | None, carrier: ProviderComparison
) -> Iterator[str]:
    case, usual = journey.case, journey.case.point.scenario.end
    if status not in FINAL:
        yield f"it is {status}, and nothing runs"
    if case.fault in HARMLESS and status is not usual:
        yield f"it is {status}; without the fault it would be {usual}"
    has_left = "dispatched" in carrier
    if journey.disturbance.was_cancelled and not has_left and status is not OrderStatus.CANCELLED:
        yield f"its customer got a cancellation, and it is {status}"


def _parkings(events: Sequence[StoredEvent]) -> Iterator[str]:
    facts = [event.decode() for event in events if event.category == "saga"]
    made = {fact.parking for fact in facts if isinstance(fact, SagaStepIntervened | SagaUnparked)}
    for fact in facts:
        if isinstance(fact, SagaParked) and fact.parking not in made:
            yield f"nothing has ended parking {fact.parking}, of {fact.step}"


def _due(case: Case, status: OrderStatus | None) -> int:
    return TOTAL - case.point.scenario.refunded if status is OrderStatus.COMPLETED else 0


def _money(effects: ProviderComparison, due: int) -> Iterator[str]:
    amounts = {name: amount for name, (_, amount) in effects.items()}
    captured, refunded = amounts.get("captured", 0), amounts.get("refunded", 0)
    if captured - refunded != due:
        yield f"{due} due, {captured} - {refunded} kept by the provider's effects"
    released = amounts.get("voided", 0) + amounts.get("expired", 0)
    if held := amounts.get("authorized", 0) - captured - released:
        yield f"{held} authorised and neither captured nor voided"


def _parts(events: Sequence[StoredEvent]) -> Iterator[str]:
    """Check that the price adds up, and that a return gives back each of its parts."""
    decoded = [event.decode() for event in events if event.category == "order"]
    returns = tuple(event for event in decoded if isinstance(event, OrderReturned))
    for created in decoded:
        if isinstance(created, OrderCreated):
            yield from parts.faults(parts.Sale(created, returns))


def _same_money(events: Sequence[StoredEvent], effects: ProviderComparison) -> Iterator[str]:
    decoded = [event.decode() for event in events if event.category == "payment"]
    logged = {
        "captured": sum(e.amount.amount for e in decoded if isinstance(e, PaymentCaptured)),
        "refunded": sum(e.amount.amount for e in decoded if isinstance(e, _REFUNDS)),
    }
    for name, amount in logged.items():
        if amount != effects.get(name, (0, 0))[1]:
            yield f"the log has {amount} {name}, the provider {effects.get(name)}"


async def _stock(
    journey: Journey, status: OrderStatus | None, carrier: ProviderComparison
) -> AsyncIterator[str]:
    stock = await journey.world.state(INVENTORY, journey.people.sku)
    gone = "dispatched" in carrier and status is not OrderStatus.RETURNED
    if stock.reserved:
        yield f"{stock.reserved} pieces are still held"
    if stock.shipped != (QUANTITY if gone else 0):
        yield f"the log has {stock.shipped} pieces shipped, the carrier's effects {carrier}"
    if stock.waiting:
        yield "it still waits for stock"
    if gone and status is OrderStatus.REJECTED:
        yield "a rejected order was sent"


async def _ledger(journey: Journey) -> AsyncIterator[str]:
    saga = await journey.world.sagas.get(journey.id)
    if saga is None:
        yield "the ledger does not know the saga"
        return
    if saga.status is not SagaStatus.FINAL or saga.needs_attention or saga.parked:
        yield f"the ledger has it {saga.status}, parked at {sorted(saga.parked)}"
    for step in saga.steps:
        if step.state in _UNSETTLED or (step.undo and step.undo.state in _UNSETTLED):
            yield f"the ledger has {step.name} {step.state}"


async def _temporal(journey: Journey) -> AsyncIterator[str]:
    """Check that every workflow of the order is closed, and that the order's own has completed."""
    for workflow_id in journey.workflow_ids:
        status = await journey.world.status_of(workflow_id)
        if status is RUNNING:
            yield f"{workflow_id} runs still"
        if workflow_id.startswith("order-") and status is not COMPLETED:
            yield f"{workflow_id} is {status}"
    described = await journey.world.client.get_workflow_handle(f"order-{journey.id}").describe()
    if described.typed_search_attributes.get(NEEDS_ATTENTION):
        yield "Temporal still shows that it needs attention"
