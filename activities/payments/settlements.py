"""Record in the payment what an operator settles by skipping or resolving a step of money."""

from __future__ import annotations

from activities.command_handler import CommandHandler
from activities.payments.wanted import wanted_by
from activities.types.parking import InterventionInput
from domain.command import Command
from domain.order.commands import EndRefund
from domain.order.decide import ORDER
from domain.order.state import OrderState
from domain.payment.commands import RecordRefundSettlement, RecordSettlement
from domain.payment.decide import PAYMENT
from domain.payment.events import PaymentRefundedElsewhere
from domain.payment.state import PaymentState
from domain.saga.commands import Intervention
from domain.saga.decide import SAGA
from domain.saga.events import SagaParked
from domain.saga.plan import CAPTURE, GIVE_BACK, REFUND_AGAIN, REFUND_ORDER


async def settlement_of(
    handler: CommandHandler, intervene: InterventionInput
) -> tuple[Command, ...]:
    """Return the command that records it, if the intervention settles a step of money.

    A skipped `capture` is no settlement: the saga voids the hold. A skipped refund gives the
    customer nothing, and a requested one that had failed is given up.
    """
    order_id, step = intervene.order_id, intervene.step
    is_resolved = intervene.kind is Intervention.RESOLVE
    if step == GIVE_BACK.name and intervene.kind in {Intervention.SKIP, Intervention.RESOLVE}:
        return (RecordSettlement(aggregate_id=order_id, step=step, is_given_back=is_resolved),)
    is_repetition = step.startswith(REFUND_AGAIN)
    if is_repetition and intervene.kind is Intervention.SKIP:
        return await _given_up(handler, order_id, int(step.removeprefix(REFUND_AGAIN)))
    if not is_resolved:
        return ()
    if step == CAPTURE.name:
        return (RecordSettlement(aggregate_id=order_id, step=step, is_given_back=False),)
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


async def _given_up(handler: CommandHandler, order_id: str, failure: int) -> tuple[Command, ...]:
    """Give up a requested refund that has failed as a whole: its pieces are not refunded."""
    payment: PaymentState = await handler.load(PAYMENT, order_id)
    order: OrderState = await handler.load(ORDER, order_id)
    failed = payment.failed_refunds.get(failure)
    if failed is None or not failed.purpose.startswith(REFUND_ORDER):
        return ()
    number = int(failed.purpose.removeprefix(REFUND_ORDER))
    requested = order.refunds[number]
    if requested.is_open or failed.amount < requested.amount:
        return ()
    given = payment.refunds.get(failed.purpose, 0)
    return (EndRefund(aggregate_id=order_id, refund=number, refunded=given, is_given_up=True),)


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
