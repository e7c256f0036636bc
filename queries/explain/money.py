"""Where the money of an order is, by attempt to pay."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from domain.money import Money
from domain.payment import events as e
from domain.payment.state import PaymentStatus
from eventstore.envelope import StoredEvent
from queries.order_view import OrderView

_OPEN: Final = {PaymentStatus.REQUESTED, PaymentStatus.PENDING, PaymentStatus.AUTHORIZED}


@dataclass(slots=True)
class AttemptMoney:
    number: int
    status: PaymentStatus
    amount: Money
    authorized: int = 0
    """What the provider holds, in minor units: neither captured nor released."""
    captured: int = 0
    refunded: int = 0
    reference: str | None = None
    decline_code: str | None = None


@dataclass(frozen=True, slots=True)
class OrderMoney:
    """All amounts are in the minor unit of the currency."""

    currency: str
    total: int
    authorized: int
    captured: int
    refunded: int
    attempts: Sequence[AttemptMoney]


def money_of(order: OrderView, stored: Iterable[StoredEvent]) -> OrderMoney:
    """`captured` and `refunded` are those of the read model, the rest is of the events."""
    attempts = _attempts(each.decode() for each in stored)
    return OrderMoney(
        currency=order.total.currency,
        total=order.total.amount,
        authorized=sum(each.authorized for each in attempts),
        captured=order.payment.captured.amount if order.payment else 0,
        refunded=order.payment.refunded.amount if order.payment else 0,
        attempts=attempts,
    )


def _attempts(events: Iterable[object]) -> list[AttemptMoney]:
    attempts: dict[int, AttemptMoney] = {}
    for event in events:
        match event:
            case e.PaymentRequested():
                attempts[event.attempt] = AttemptMoney(
                    event.attempt, PaymentStatus.REQUESTED, event.amount
                )
            case e.AttemptEvent():
                _attempted(attempts, event)
            case e.PaymentSettledByOperator(attempt=number) if number in attempts:
                attempts[number].status = PaymentStatus.SETTLED_BY_OPERATOR
            case (
                e.PaymentCaptured()
                | e.PaymentRefunded()
                | e.PaymentRefundFailed()
                | e.PaymentRefundedElsewhere()
                | e.PaymentRefundElsewhereFailed()
            ):
                for attempt in attempts.values():
                    if attempt.reference == event.reference:
                        _take(attempt, event)
    return list(attempts.values())


def _attempted(attempts: Mapping[int, AttemptMoney], event: e.AttemptEvent) -> None:
    match event:
        case e.PaymentPending() | e.PaymentAuthorized() | e.PaymentDeclined():
            _answer(attempts[event.attempt], event)
        case e.PaymentRefused():
            refused = attempts[event.attempt]
            refused.status, refused.decline_code = PaymentStatus.REFUSED, event.code
        case e.PaymentHoldEnded():
            ended = attempts[event.attempt]
            ended.status, ended.authorized = PaymentStatus.VOIDED, 0
        case e.PaymentVoided():
            _release(attempts.values())


def _answer(
    attempt: AttemptMoney, event: e.PaymentPending | e.PaymentAuthorized | e.PaymentDeclined
) -> None:
    attempt.reference = event.reference
    match event:
        case e.PaymentPending():
            attempt.status = PaymentStatus.PENDING
        case e.PaymentAuthorized():
            attempt.status, attempt.authorized = PaymentStatus.AUTHORIZED, event.amount.amount
        case e.PaymentDeclined():
            attempt.status, attempt.decline_code = PaymentStatus.DECLINED, event.code


def _take(
    attempt: AttemptMoney,
    event: e.PaymentCaptured
    | e.PaymentRefunded
    | e.PaymentRefundFailed
    | e.PaymentRefundedElsewhere
    | e.PaymentRefundElsewhereFailed,
) -> None:
    if isinstance(event, e.PaymentCaptured):
        attempt.status, attempt.authorized = PaymentStatus.CAPTURED, 0
        attempt.captured = event.amount.amount
        return
    attempt.refunded = event.refunded_in_all.amount
    if attempt.refunded == attempt.captured:
        attempt.status = PaymentStatus.REFUNDED
    elif attempt.status is PaymentStatus.REFUNDED:
        attempt.status = PaymentStatus.CAPTURED


def _release(attempts: Iterable[AttemptMoney]) -> None:
    for attempt in attempts:
        if attempt.status in _OPEN:
            attempt.status, attempt.authorized = PaymentStatus.VOIDED, 0
