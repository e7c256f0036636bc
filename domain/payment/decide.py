from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from domain.aggregate import Aggregate
from domain.errors import ErrorCode, Refused
from domain.money import Money
from domain.payment import commands as c
from domain.payment import events as e
from domain.payment.attempts import decide_attempt
from domain.payment.disputes import dispute
from domain.payment.evolve import evolve
from domain.payment.refunds import decide_refund
from domain.payment.state import ENDED, TAKEN, PaymentState, PaymentStatus

_CAPTURABLE: Final = {PaymentStatus.AUTHORIZED, PaymentStatus.SETTLED_BY_OPERATOR}
"""An operator may have captured by hand what Waybill leaves as it is."""
_NOTHING_TO_SETTLE: Final = {None, PaymentStatus.REFUNDED, *ENDED}


def decide(command: c.PaymentCommand, state: PaymentState) -> Sequence[e.PaymentEvent]:
    match command:
        case c.AttemptCommand():
            return decide_attempt(command, state)
        case c.RecordCapture():
            return _capture(command, state)
        case c.RefundCommand():
            return decide_refund(command, state)
        case c.RecordDispute():
            return dispute(command, state)
        case c.RecordSettlement():
            return _settle(command, state)
        case _:
            raise TypeError(f"payment does not support {command.command_type}")


def _capture(command: c.RecordCapture, state: PaymentState) -> Sequence[e.PaymentEvent]:
    if state.status in TAKEN:
        return []
    if state.status not in _CAPTURABLE or state.reference is None:
        raise Refused(
            ErrorCode.WRONG_STATE,
            f"the payment of order {command.aggregate_id} is {state.status}, not AUTHORIZED",
        )
    return [
        e.PaymentCaptured(
            order_id=command.aggregate_id, reference=state.reference, amount=command.amount
        )
    ]


def _settle(command: c.RecordSettlement, state: PaymentState) -> Sequence[e.PaymentEvent]:
    if state.status in _NOTHING_TO_SETTLE:
        return []
    given = max(state.refundable - state.refunded, 0) if command.is_given_back else 0
    currency = state.amount.currency
    return [
        e.PaymentSettledByOperator(
            order_id=command.aggregate_id,
            attempt=state.attempt,
            step=command.step,
            amount=Money(amount=given, currency=currency),
            settled_in_all=Money(amount=sum(state.settled.values()) + given, currency=currency),
        )
    ]


PAYMENT: Aggregate[PaymentState] = Aggregate("payment", PaymentState(), decide, evolve)
