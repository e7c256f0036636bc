"""Record in the payment what an operator settles by skipping or resolving a step of money."""

from __future__ import annotations

from activities.command_handler import CommandHandler
from activities.payments.wanted import wanted_by
from activities.types.parking import InterventionInput
from domain.command import Command
from domain.order.decide import ORDER
from domain.payment.commands import RecordRefundSettlement, RecordSettlement
from domain.payment.decide import PAYMENT
from domain.payment.events import PaymentRefundedElsewhere
from domain.saga.commands import Intervention
from domain.saga.decide import SAGA
from domain.saga.events import SagaParked
from domain.saga.plan import CAPTURE, GIVE_BACK, REFUND_AGAIN


async def settlement_of(
    handler: CommandHandler, intervene: InterventionInput
) -> tuple[Command, ...]:
    """Return the command that records it, if the intervention settles a step of money.

    A skipped `capture` is no settlement: the saga voids the hold. A skipped refund gives the
    customer nothing.
    """
    order_id, step = intervene.order_id, intervene.step
    is_resolved = intervene.kind is Intervention.RESOLVE
    if step == GIVE_BACK.name and intervene.kind in {Intervention.SKIP, Intervention.RESOLVE}:
        return (RecordSettlement(aggregate_id=order_id, step=step, is_given_back=is_resolved),)
    if not is_resolved:
        return ()
    if step == CAPTURE.name:
        return (RecordSettlement(aggregate_id=order_id, step=step, is_given_back=False),)
    is_repetition = step.startswith(REFUND_AGAIN)
    due = 0 if is_repetition else wanted_by(await handler.load(ORDER, order_id)).get(step, 0)
    if not due and not is_repetition:
        return ()
    return (
        RecordRefundSettlement(
            aggregate_id=order_id,
            step=step,
            due=due,
            failure=int(step.removeprefix(REFUND_AGAIN)) if is_repetition else None,
            by_hand=await _refunded_by_hand(handler, order_id, step),
        ),
    )


async def _refunded_by_hand(handler: CommandHandler, order_id: str, step: str) -> int:
    """Return what was refunded by hand since the step was first parked, and has not failed since.

    A retry that fails parks the step under another number: it is still the same debt.
    """
    parked_at = [
        stored.position
        for stored in await handler.events(SAGA, order_id)
        if isinstance(event := stored.decode(), SagaParked) and event.step == step
    ]
    counts = (await handler.load(PAYMENT, order_id)).refunds_elsewhere
    refunds = [
        event.amount.amount
        for stored in await handler.events(PAYMENT, order_id)
        if isinstance(event := stored.decode(), PaymentRefundedElsewhere)
        and event.refund_id in counts
        and stored.position > min(parked_at, default=stored.position)
    ]
    return sum(refunds)
