from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from domain.money import NO_MONEY, Money
from domain.payment import events as e
from domain.payment.commands import DisputeOutcome, HoldEnd


class PaymentStatus(StrEnum):
    REQUESTED = "REQUESTED"
    PENDING = "PENDING"
    AUTHORIZED = "AUTHORIZED"
    DECLINED = "DECLINED"
    REFUSED = "REFUSED"
    """The provider refused to create the payment: nothing is held, and nothing can be."""
    CAPTURED = "CAPTURED"
    REFUNDED = "REFUNDED"
    """Everything that was captured has been refunded."""
    VOIDED = "VOIDED"


@dataclass(frozen=True, slots=True)
class Dispute:
    amount: int
    """In minor units of the payment's currency."""
    outcome: DisputeOutcome | None = None
    """None while the dispute is open."""


UNSETTLED = frozenset({PaymentStatus.REQUESTED, PaymentStatus.PENDING})
"""The provider has been asked and its final answer is missing."""


@dataclass(frozen=True, slots=True)
class FailedRefund:
    purpose: str
    amount: int


@dataclass(frozen=True, slots=True)
class PaymentState:
    """`status` is None while no payment was requested."""

    status: PaymentStatus | None = None
    attempt: int = 0
    amount: Money = NO_MONEY
    method: str = ""
    reference: str | None = None
    action_url: str | None = None
    decline_code: str | None = None
    captured: int = 0
    refunded: int = 0
    """The refunds of what was captured; both in minor units of the amount's currency."""
    refunds: Mapping[str, int] = field(default_factory=dict)
    """The refunds that Waybill has asked for, by purpose."""
    refunds_elsewhere: Mapping[str, int] = field(default_factory=dict)
    """The other refunds, by the provider's ids."""
    answers: int = 0
    """The number of the provider's answers to the latest attempt that are recorded."""
    capture_before: datetime | None = None
    """The time at which the provider releases the hold, as the provider has said."""
    has_hold_ended: bool = False
    """The latest attempt was authorized, and its hold has ended before the capture."""
    references: Mapping[int, str] = field(default_factory=dict)
    """The provider's reference of each attempt it has answered: it forgets its keys after a day."""
    refused: frozenset[int] = frozenset()
    """The attempts that the provider refused to create: there is nothing to look up or to void."""
    failed_refunds: Mapping[int, FailedRefund] = field(default_factory=dict)
    """By the number of the failure: the refunds that failed and were not repeated."""
    failures: int = 0
    """The number of refunds that have failed at the bank."""
    disputes: Mapping[str, Dispute] = field(default_factory=dict)
    """The disputes by the provider's id."""

    @property
    def disputed(self) -> int:
        """Return the amount of the open disputes."""
        return sum(each.amount for each in self.disputes.values() if each.outcome is None)

    @property
    def lost(self) -> int:
        """Return what lost disputes have given back to the customer."""
        return self._in_disputes(DisputeOutcome.LOST)

    @property
    def won(self) -> int:
        return self._in_disputes(DisputeOutcome.WON)

    def _in_disputes(self, outcome: DisputeOutcome) -> int:
        return sum(each.amount for each in self.disputes.values() if each.outcome is outcome)

    @property
    def refundable(self) -> int:
        """Return the most that may be refunded in total: a lost dispute has given money back."""
        return max(self.captured - self.lost, 0)

    @property
    def refunded_elsewhere(self) -> int:
        return sum(self.refunds_elsewhere.values())


def hold_end_code(cause: HoldEnd) -> str:
    """Return the code that stands where a decline has the provider's: `hold_released` and so on."""
    return f"hold_{cause.lower()}"


def evolve(state: PaymentState, event: e.PaymentEvent) -> PaymentState:  # noqa: C901, PLR0911 - one for each event
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
        case e.PaymentCaptured():
            return replace(state, status=PaymentStatus.CAPTURED, captured=event.amount.amount)
        case e.PaymentRefunded():
            given = state.refunds.get(event.purpose, 0) + event.amount.amount
            failed = {n: each for n, each in state.failed_refunds.items() if n != event.repeats}
            refunds = {**state.refunds, event.purpose: given}
            return replace(_refunded(state, event), refunds=refunds, failed_refunds=failed)
        case e.PaymentRefundFailed():
            given = state.refunds.get(event.purpose, 0) - event.amount.amount
            failure = FailedRefund(event.purpose, event.amount.amount)
            return replace(
                _refunded(state, event),
                refunds={**state.refunds, event.purpose: given},
                failures=event.failure,
                failed_refunds={**state.failed_refunds, event.failure: failure},
            )
        case e.PaymentRefundedElsewhere() | e.PaymentRefundElsewhereFailed():
            others = {k: v for k, v in state.refunds_elsewhere.items() if k != event.refund_id}
            if isinstance(event, e.PaymentRefundedElsewhere):
                others[event.refund_id] = event.amount.amount
            return replace(_refunded(state, event), refunds_elsewhere=others)
        case e.PaymentDisputed():
            dispute = Dispute(event.amount.amount)
            return replace(state, disputes={**state.disputes, event.dispute_id: dispute})
        case e.PaymentDisputeClosed():
            dispute = Dispute(event.amount.amount, event.outcome)
            return replace(state, disputes={**state.disputes, event.dispute_id: dispute})
        case e.PaymentVoided():
            return replace(state, status=PaymentStatus.VOIDED, action_url=None)


def _refunded(
    state: PaymentState,
    event: e.PaymentRefunded
    | e.PaymentRefundFailed
    | e.PaymentRefundedElsewhere
    | e.PaymentRefundElsewhereFailed,
) -> PaymentState:
    refunded = event.refunded_in_all.amount
    is_whole = refunded == state.captured
    status = PaymentStatus.REFUNDED if is_whole else PaymentStatus.CAPTURED
    return replace(state, status=status, refunded=refunded)


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
