from __future__ import annotations

from collections.abc import Sequence

from domain.aggregate import Aggregate
from domain.errors import ErrorCode, Refused
from domain.payment import commands as c
from domain.payment import events as e
from domain.payment.state import UNSETTLED, PaymentState, PaymentStatus, evolve

RETRYABLE = frozenset({PaymentStatus.DECLINED, PaymentStatus.PENDING})
"""Another payment method may be tried."""


def decide(command: c.PaymentCommand, state: PaymentState) -> Sequence[e.PaymentEvent]:
    match command:
        case c.RequestPayment():
            return _request(command, state)
        case c.RecordPending() | c.RecordAuthorization() | c.RecordDecline():
            return _record_outcome(command, state)
        case c.RecordCapture():
            return _capture(command, state)
        case c.RecordVoid():
            return _void(command, state)
        case _:
            raise TypeError(f"payment knows no {command.command_type}")


def _request(command: c.RequestPayment, state: PaymentState) -> Sequence[e.PaymentEvent]:
    if command.attempt <= state.attempt:
        return []
    if state.status is not None and state.status not in RETRYABLE:
        raise Refused(
            ErrorCode.PAYMENT_NOT_RETRYABLE,
            f"the payment of order {command.aggregate_id} is {state.status}",
        )
    return [
        e.PaymentRequested(
            order_id=command.aggregate_id,
            attempt=command.attempt,
            amount=command.amount,
            method=command.method,
        )
    ]


def _record_outcome(
    command: c.RecordPending | c.RecordAuthorization | c.RecordDecline, state: PaymentState
) -> Sequence[e.PaymentEvent]:
    if command.attempt != state.attempt or state.status not in UNSETTLED:
        return []  # late news of an attempt that has been settled or superseded
    order_id = command.aggregate_id
    match command:
        case c.RecordPending():
            if state.status is PaymentStatus.PENDING:
                return []
            return [
                e.PaymentPending(
                    order_id=order_id,
                    attempt=command.attempt,
                    reference=command.reference,
                    action_url=command.action_url,
                )
            ]
        case c.RecordAuthorization():
            return [
                e.PaymentAuthorized(
                    order_id=order_id,
                    attempt=command.attempt,
                    reference=command.reference,
                    amount=state.amount,
                )
            ]
        case c.RecordDecline():
            return [
                e.PaymentDeclined(
                    order_id=order_id,
                    attempt=command.attempt,
                    reference=command.reference,
                    code=command.code,
                )
            ]


def _capture(command: c.RecordCapture, state: PaymentState) -> Sequence[e.PaymentEvent]:
    if state.status is PaymentStatus.CAPTURED:
        return []
    if state.status is not PaymentStatus.AUTHORIZED or state.reference is None:
        raise Refused(
            ErrorCode.WRONG_STATE,
            f"the payment of order {command.aggregate_id} is {state.status}, not AUTHORIZED",
        )
    return [
        e.PaymentCaptured(
            order_id=command.aggregate_id, reference=state.reference, amount=command.amount
        )
    ]


def _void(command: c.RecordVoid, state: PaymentState) -> Sequence[e.PaymentEvent]:
    if state.status is PaymentStatus.VOIDED:
        return []
    if state.status is PaymentStatus.CAPTURED:
        raise Refused(
            ErrorCode.WRONG_STATE,
            f"the payment of order {command.aggregate_id} is captured: refund it instead",
        )
    return [e.PaymentVoided(order_id=command.aggregate_id, attempt=state.attempt)]


PAYMENT: Aggregate[PaymentState] = Aggregate("payment", PaymentState(), decide, evolve)
