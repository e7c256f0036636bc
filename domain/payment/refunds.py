"""Decide about refunds: those the provider lists, failed ones, and those an operator settles."""

from __future__ import annotations

from collections.abc import Sequence

from domain.errors import ErrorCode, Refused
from domain.money import Money
from domain.payment import commands as c
from domain.payment import events as e
from domain.payment.state import PaymentState


def decide_refund(command: c.RefundCommand, state: PaymentState) -> Sequence[e.PaymentEvent]:
    match command:
        case c.RecordRefund():
            return _record(command, state)
        case c.RecordRefundFailure():
            return _fail(command, state)
        case c.RecordRefundsElsewhere():
            return _record_elsewhere(command, state)
        case c.RecordRefundSettlement():
            return _settle(command, state)
        case _:
            raise TypeError(f"payment does not support {command.command_type}")


def _record(command: c.RecordRefund, state: PaymentState) -> Sequence[e.PaymentEvent]:
    amount = command.given.amount - state.refunds.get(command.purpose, 0)
    if amount <= 0:
        return []
    return [
        e.PaymentRefunded(
            order_id=command.aggregate_id,
            reference=_reference(
                command, state, state.refunded + amount, state.captured - state.lost
            ),
            amount=_money(amount, state),
            refunded_in_all=_money(state.refunded + amount, state),
            purpose=command.purpose,
            repeats=command.repeats,
        )
    ]


def _record_elsewhere(
    command: c.RecordRefundsElsewhere, state: PaymentState
) -> Sequence[e.PaymentEvent]:
    """Record the refunds that are new, after those that no longer count."""
    known, listed = state.refunds_elsewhere, command.refunds
    in_all, failures = state.refunded, state.failures
    remains = sum(amount for refund_id, amount in known.items() if refund_id in listed)
    # A settled step relied on it, or nobody else owes the money.
    is_owed = state.settled_by_hand > remains or not command.is_awaited
    events: list[e.PaymentEvent] = []
    for refund_id in sorted(known.keys() - listed.keys()):
        in_all -= known[refund_id]
        failures += is_owed
        events.append(
            e.PaymentRefundElsewhereFailed(
                order_id=command.aggregate_id,
                reference=_reference(command, state, in_all),
                failure=failures if is_owed else None,
                refund_id=refund_id,
                amount=_money(known[refund_id], state),
                refunded_in_all=_money(in_all, state),
            )
        )
    for refund_id in sorted(listed.keys() - known.keys()):
        in_all += listed[refund_id]
        events.append(
            e.PaymentRefundedElsewhere(
                order_id=command.aggregate_id,
                reference=_reference(command, state, in_all),
                refund_id=refund_id,
                amount=_money(listed[refund_id], state),
                refunded_in_all=_money(in_all, state),
            )
        )
    return events


def _fail(command: c.RecordRefundFailure, state: PaymentState) -> Sequence[e.PaymentRefundFailed]:
    failed = state.refunds.get(command.purpose, 0) - command.remains.amount
    if failed <= 0 or state.reference is None:
        return []
    return [
        e.PaymentRefundFailed(
            order_id=command.aggregate_id,
            reference=state.reference,
            failure=state.failures + 1,
            purpose=command.purpose,
            amount=_money(failed, state),
            refunded_in_all=_money(state.refunded - failed, state),
        )
    ]


def _settle(command: c.RecordRefundSettlement, state: PaymentState) -> Sequence[e.PaymentEvent]:
    """Count what the step was to give back, as far as the customer has not got it."""
    failed = state.failed_refunds.get(command.failure or 0)
    due = command.due - state.refunds.get(command.step, 0) if failed is None else failed.amount
    unclaimed = max(state.refunded_elsewhere - state.settled_by_hand, 0)
    by_hand = min(due, command.by_hand, unclaimed)
    amount = max(min(due - by_hand, state.refundable - state.refunded), 0)
    if amount + by_hand <= 0 or command.step in state.settled:
        return []
    return [
        e.PaymentRefundSettledByOperator(
            order_id=command.aggregate_id,
            step=command.step,
            amount=_money(amount, state),
            by_hand=_money(by_hand, state),
            settled_in_all=_money(sum(state.settled.values()) + amount, state),
            failure=command.failure,
        )
    ]


def _reference(
    command: c.PaymentCommand, state: PaymentState, in_all: int, most: int | None = None
) -> str:
    """Return the captured payment. Raises Refused for a refund of more than was captured."""
    if state.reference is None or in_all > (state.captured if most is None else most):
        raise Refused(
            ErrorCode.WRONG_STATE,
            f"{in_all} refunded is more than the {state.captured} that were captured "
            f"for order {command.aggregate_id}: compare with the provider's records",
        )
    return state.reference


def _money(amount: int, state: PaymentState) -> Money:
    return Money(amount=amount, currency=state.amount.currency)
