"""Carry out the refunds that operators request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from activities.command_handler import CommandHandler, Run, Step
from activities.keyed import run_once
from activities.payments.refund_record import RefundRecord
from activities.types.payment import RefundInput
from domain.aggregate import Aggregate
from domain.command import Command
from domain.errors import ErrorCode, Refused
from domain.idempotency import KeyedResult, KeyUse
from domain.money import Money
from domain.order.commands import EndRefund, RequestRefund
from domain.order.decide import ORDER
from domain.order.state import OrderState, OrderStatus
from domain.payment.commands import RecordRefund
from domain.payment.decide import PAYMENT
from domain.payment.state import TAKEN, PaymentState
from domain.saga.decide import SAGA
from domain.saga.plan import refund_again, refund_order
from domain.saga.state import SagaState

_GIVING_ALL_BACK = {OrderStatus.CANCELLING, OrderStatus.CANCELLED}


class OrderRefunds:
    def __init__(self, handler: CommandHandler, refunds: RefundRecord) -> None:
        self._handler = handler
        self._refunds = refunds

    async def give(self, refund: RefundInput) -> None:
        """Refund what was promised, and record that together with the end of the refund."""
        order_id, step = refund.order_id, refund_order(refund.number).name
        order = await self._handler.load(ORDER, order_id)
        promised = order.refunds[refund.number]
        if not promised.is_open:
            return
        money = Money(amount=promised.amount, currency=order.price.currency)
        try:
            given = await self._refunds.give(order_id, step, money)
        except Refused as refused:
            if not await self._is_given_back(order_id, refused):
                raise
            await self.end(refund)
        else:
            await self._end(refund, sum(each.given.amount for each in given), *given)

    async def end(self, refund: RefundInput) -> None:
        """End the refund with what Waybill has given back for it, if it is open."""
        purpose = refund_order(refund.number).name
        await self._end(refund, await self._refunds.given(refund.order_id, purpose))

    async def _end(self, refund: RefundInput, amount: int, *more: RecordRefund) -> None:
        saga: SagaState = await self._handler.load(SAGA, refund.order_id)
        end = EndRefund(
            aggregate_id=refund.order_id,
            refund=refund.number,
            refunded=amount,
            is_given_up=refund_order(refund.number).name in saga.skipped,
        )
        step = Step.current(refund_order(refund.number).name, refund.order_id)
        await self._handler.handle(step, end, *more)

    async def _is_given_back(self, order_id: str, refused: Refused) -> bool:
        """Return whether a cancellation gives the customer everything, this refund included."""
        if refused.code is not ErrorCode.REFUND_TOO_LARGE:
            return False
        order: OrderState = await self._handler.load(ORDER, order_id)
        return order.status in _GIVING_ALL_BACK


async def request_refund(
    handler: CommandHandler, step: Step, key: KeyUse | None, command: RequestRefund
) -> KeyedResult:
    """Record an operator's request once, with what the log says of the payment at that moment."""
    order_id = command.aggregate_id
    of_payment, of_saga = PAYMENT.stream(order_id), SAGA.stream(order_id)

    def complete(wanted: Command, states: Mapping[str, Any]) -> Command:
        return wanted.model_copy(update=_facts(states[of_payment], states[of_saga]))

    facts: dict[str, Aggregate[Any]] = {of_payment: PAYMENT, of_saga: SAGA}
    return await run_once(handler, Run(step, [command], facts, complete), key)


def _facts(payment: PaymentState, saga: SagaState) -> dict[str, object]:
    return {
        "captured": payment.captured if payment.status in TAKEN else 0,
        "given_back": payment.refunded + payment.given_otherwise,
        "given_for": dict(payment.refunds),
        "failed": sum(
            failed.amount
            for number, failed in payment.failed_refunds.items()
            if refund_again(number) not in saga.settled
        ),
    }
