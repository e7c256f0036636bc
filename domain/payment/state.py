from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from domain.money import NO_MONEY, Money
from domain.payment import events as e


class PaymentStatus(StrEnum):
    REQUESTED = "REQUESTED"
    PENDING = "PENDING"
    AUTHORIZED = "AUTHORIZED"
    DECLINED = "DECLINED"
    CAPTURED = "CAPTURED"
    REFUNDED = "REFUNDED"
    """Everything that was captured has been refunded."""
    VOIDED = "VOIDED"


UNSETTLED = frozenset({PaymentStatus.REQUESTED, PaymentStatus.PENDING})
"""The provider has been asked and its final answer is missing."""


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
    references: Mapping[int, str] = field(default_factory=dict)
    """The provider's reference of each attempt it has answered: it forgets its keys after a day."""

    @property
    def refunded_elsewhere(self) -> int:
        return sum(self.refunds_elsewhere.values())


def evolve(state: PaymentState, event: e.PaymentEvent) -> PaymentState:
    match event:
        case e.PaymentRequested():
            return PaymentState(
                status=PaymentStatus.REQUESTED,
                attempt=event.attempt,
                amount=event.amount,
                method=event.method,
                references=state.references,
            )
        case e.PaymentPending() | e.PaymentAuthorized() | e.PaymentDeclined():
            return _answered(state, event)
        case e.PaymentCaptured():
            return replace(state, status=PaymentStatus.CAPTURED, captured=event.amount.amount)
        case e.PaymentRefunded():
            given = state.refunds.get(event.purpose, 0) + event.amount.amount
            return replace(_refunded(state, event), refunds={**state.refunds, event.purpose: given})
        case e.PaymentRefundedElsewhere() | e.PaymentRefundElsewhereFailed():
            others = {k: v for k, v in state.refunds_elsewhere.items() if k != event.refund_id}
            if isinstance(event, e.PaymentRefundedElsewhere):
                others[event.refund_id] = event.amount.amount
            return replace(_refunded(state, event), refunds_elsewhere=others)
        case e.PaymentVoided():
            return replace(state, status=PaymentStatus.VOIDED, action_url=None)


def _refunded(
    state: PaymentState,
    event: e.PaymentRefunded | e.PaymentRefundedElsewhere | e.PaymentRefundElsewhereFailed,
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
            return replace(answered, status=PaymentStatus.AUTHORIZED)
        case e.PaymentDeclined():
            return replace(answered, status=PaymentStatus.DECLINED, decline_code=event.code)
