"""Derive the state of a payment from its events."""

from __future__ import annotations

from dataclasses import replace

from domain.payment import events as e
from domain.payment.state import (
    Dispute,
    FailedRefund,
    PaymentState,
    PaymentStatus,
    hold_end_code,
)
from domain.saga.plan import refund_again


def evolve(state: PaymentState, event: e.PaymentEvent) -> PaymentState:
    match event:
        case e.AttemptEvent():
            return _evolve_attempt(state, event)
        case e.PaymentCaptured():
            return replace(state, status=PaymentStatus.CAPTURED, captured=event.amount.amount)
        case e.RefundEvent():
            return _evolve_refunds(state, event)
        case e.DisputeEvent():
            outcome = event.outcome if isinstance(event, e.PaymentDisputeClosed) else None
            dispute = Dispute(event.amount.amount, outcome)
            return replace(state, disputes={**state.disputes, event.dispute_id: dispute})
        case e.PaymentSettledByOperator():
            return replace(
                state,
                status=PaymentStatus.SETTLED_BY_OPERATOR,
                was_pending=state.status is PaymentStatus.PENDING,
                action_url=None,
                settled=_settled(state, event),
            )


def _settled(
    state: PaymentState, event: e.PaymentSettledByOperator | e.PaymentRefundSettledByOperator
) -> dict[str, int]:
    given = state.settled.get(event.step, 0) + event.amount.amount
    return {**state.settled, event.step: given}


def _evolve_attempt(state: PaymentState, event: e.PaymentAttemptEvent) -> PaymentState:
    match event:
        case e.PaymentRequested():
            return PaymentState(
                status=PaymentStatus.REQUESTED,
                attempt=event.attempt,
                amount=event.amount,
                method=event.method,
                references=state.references,
                refused=state.refused,
                disputes=state.disputes,
            )
        case e.PaymentRefused():
            return replace(
                state,
                status=PaymentStatus.REFUSED,
                decline_code=event.code,
                refused=state.refused | {event.attempt},
            )
        case e.PaymentPending() | e.PaymentAuthorized() | e.PaymentDeclined():
            return _answered(state, event)
        case e.PaymentHoldEnded():
            # The payment is as good as declined: the customer may try another method.
            return replace(
                state,
                status=PaymentStatus.DECLINED,
                action_url=None,
                decline_code=hold_end_code(event.cause),
                has_hold_ended=True,
            )
        case e.PaymentVoided():
            return replace(state, status=PaymentStatus.VOIDED, action_url=None)


def _answered(
    state: PaymentState, event: e.PaymentPending | e.PaymentAuthorized | e.PaymentDeclined
) -> PaymentState:
    answered = replace(
        state,
        reference=event.reference,
        references={**state.references, event.attempt: event.reference},
        answers=state.answers + 1,
        action_url=None,
    )
    match event:
        case e.PaymentPending():
            return replace(
                answered,
                status=PaymentStatus.PENDING,
                action_url=event.action_url,
            )
        case e.PaymentAuthorized():
            return replace(
                answered, status=PaymentStatus.AUTHORIZED, capture_before=event.capture_before
            )
        case e.PaymentDeclined():
            return replace(answered, status=PaymentStatus.DECLINED, decline_code=event.code)


def _evolve_refunds(state: PaymentState, event: e.PaymentRefundEvent) -> PaymentState:
    match event:
        case e.PaymentRefunded():
            given = state.refunds.get(event.purpose, 0) + event.amount.amount
            return replace(
                _refunded(state, event),
                refunds={**state.refunds, event.purpose: given},
                failed_refunds=_without(state, event.repeats),
            )
        case e.PaymentRefundFailed():
            given = state.refunds.get(event.purpose, 0) - event.amount.amount
            failure = FailedRefund(event.purpose, event.amount.amount)
            return replace(
                _came_back(state, event),
                refunds={**state.refunds, event.purpose: given},
                failures=event.failure,
                failed_refunds={**state.failed_refunds, event.failure: failure},
            )
        case e.PaymentRefundedElsewhere():
            others = {**state.refunds_elsewhere, event.refund_id: event.amount.amount}
            return replace(_refunded(state, event), refunds_elsewhere=others)
        case e.PaymentRefundElsewhereFailed():
            others = {k: v for k, v in state.refunds_elsewhere.items() if k != event.refund_id}
            remains = replace(
                _came_back(state, event),
                refunds_elsewhere=others,
                settled_by_hand=min(state.settled_by_hand, sum(others.values())),
            )
            if event.failure is None:
                return remains
            # Its own step makes it good: it may have stood in place of several steps, or of none.
            failure = FailedRefund(refund_again(event.failure), event.amount.amount)
            return replace(
                remains,
                failures=event.failure,
                failed_refunds={**state.failed_refunds, event.failure: failure},
            )
        case e.PaymentRefundSettledByOperator():
            return replace(
                state,
                settled=_settled(state, event),
                settled_by_hand=state.settled_by_hand + event.by_hand.amount,
                failed_refunds=_without(state, event.failure),
            )


def _without(state: PaymentState, failure: int | None) -> dict[int, FailedRefund]:
    return {number: each for number, each in state.failed_refunds.items() if number != failure}


def _refunded(
    state: PaymentState, event: e.PaymentRefunded | e.PaymentRefundedElsewhere
) -> PaymentState:
    refunded = event.refunded_in_all.amount
    status = PaymentStatus.REFUNDED if refunded == state.captured else state.status
    return replace(state, status=status, refunded=refunded)


def _came_back(
    state: PaymentState, event: e.PaymentRefundFailed | e.PaymentRefundElsewhereFailed
) -> PaymentState:
    was_whole = state.status is PaymentStatus.REFUNDED
    status = PaymentStatus.CAPTURED if was_whole else state.status
    return replace(state, status=status, refunded=event.refunded_in_all.amount)
