"""Decide about the attempts to pay, until the money is captured or the payment has ended."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from domain.errors import ErrorCode, Refused
from domain.payment import commands as c
from domain.payment import events as e
from domain.payment.state import (
    ENDED,
    RETRYABLE,
    TAKEN,
    UNSETTLED,
    PaymentState,
    PaymentStatus,
)

MAX_ATTEMPTS: Final = 10
"""The number of attempts that an undo can void at the provider within its time-out."""


def decide_attempt(command: c.AttemptCommand, state: PaymentState) -> Sequence[e.PaymentEvent]:
    match command:
        case c.RequestPayment():
            return _request(command, state)
        case c.RecordAuthorization():
            return _authorize(command, state)
        case c.RecordPending() | c.RecordDecline():
            return _record_no_money(command, state)
        case c.RecordRefusal():
            return _refuse(command, state)
        case c.RecordHoldEnd():
            return _end_hold(command, state)
        case c.RecordVoid():
            return _void(command, state)
        case _:
            raise TypeError(f"payment does not support {command.command_type}")


def _request(command: c.RequestPayment, state: PaymentState) -> Sequence[e.PaymentEvent]:
    if command.attempt <= state.attempt:
        return []
    if state.status is not None and state.status not in RETRYABLE:
        raise Refused(
            ErrorCode.PAYMENT_NOT_RETRYABLE,
            f"the payment of order {command.aggregate_id} is {state.status}",
        )
    check_attempts_left(command.aggregate_id, command.attempt)
    return [
        e.PaymentRequested(
            order_id=command.aggregate_id,
            attempt=command.attempt,
            amount=command.amount,
            method=command.method,
        )
    ]


def check_attempts_left(order_id: str, attempt: int) -> None:
    """Raise Refused for an attempt after the last one that an order has."""
    if attempt > MAX_ATTEMPTS:
        raise Refused(
            ErrorCode.PAYMENT_NOT_RETRYABLE,
            f"order {order_id} has had {MAX_ATTEMPTS} attempts to pay: "
            "cancel it, and place another",
        )


def _authorize(command: c.RecordAuthorization, state: PaymentState) -> Sequence[e.PaymentEvent]:
    """Refuse a stale attempt, so that the commands decided along with it are refused too."""
    is_over = state.status in ENDED or state.has_hold_ended
    if command.attempt < state.attempt or is_over:
        raise Refused(
            ErrorCode.PAYMENT_SUPERSEDED,
            f"attempt {command.attempt} to pay order {command.aggregate_id} no longer counts",
        )
    if command.attempt > state.attempt:
        raise Refused(
            ErrorCode.WRONG_STATE,
            f"order {command.aggregate_id} has no attempt {command.attempt} to pay: request it",
        )
    if state.status is PaymentStatus.AUTHORIZED or state.status in TAKEN:
        return []
    return [
        e.PaymentAuthorized(
            order_id=command.aggregate_id,
            attempt=command.attempt,
            reference=command.reference,
            amount=state.amount,
            capture_before=command.capture_before,
        )
    ]


def _end_hold(command: c.RecordHoldEnd, state: PaymentState) -> Sequence[e.PaymentEvent]:
    is_held = state.status is PaymentStatus.AUTHORIZED and command.attempt == state.attempt
    if not is_held or state.reference is None:
        return []
    return [
        e.PaymentHoldEnded(
            order_id=command.aggregate_id,
            attempt=command.attempt,
            reference=state.reference,
            cause=command.cause,
        )
    ]


def _record_no_money(
    command: c.RecordPending | c.RecordDecline, state: PaymentState
) -> Sequence[e.PaymentEvent]:
    if command.attempt != state.attempt or state.status not in UNSETTLED:
        return []  # a late notification of an attempt that has been settled or superseded
    if isinstance(command, c.RecordDecline):
        return [
            e.PaymentDeclined(
                order_id=command.aggregate_id,
                attempt=command.attempt,
                reference=command.reference,
                code=command.code,
            )
        ]
    if state.status is PaymentStatus.PENDING and command.action_url in {None, state.action_url}:
        return []
    return [
        e.PaymentPending(
            order_id=command.aggregate_id,
            attempt=command.attempt,
            reference=command.reference,
            action_url=command.action_url,
        )
    ]


def _refuse(command: c.RecordRefusal, state: PaymentState) -> Sequence[e.PaymentEvent]:
    if command.attempt != state.attempt or state.status is not PaymentStatus.REQUESTED:
        return []  # the attempt was created after all, or superseded
    return [
        e.PaymentRefused(order_id=command.aggregate_id, attempt=command.attempt, code=command.code)
    ]


def _void(command: c.RecordVoid, state: PaymentState) -> Sequence[e.PaymentEvent]:
    if state.status in ENDED:
        return []
    if state.status in TAKEN:
        raise Refused(
            ErrorCode.WRONG_STATE,
            f"the payment of order {command.aggregate_id} is captured: refund it instead",
        )
    if command.attempt < state.attempt:
        raise Refused(
            ErrorCode.PAYMENT_SUPERSEDED,
            f"attempt {state.attempt} to pay order {command.aggregate_id} has started since",
        )
    return [e.PaymentVoided(order_id=command.aggregate_id, attempt=state.attempt)]
