from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from domain.money import NO_MONEY, Money
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
    SETTLED_BY_OPERATOR = "SETTLED_BY_OPERATOR"
    """An operator has settled it: Waybill neither captures, voids nor refunds it."""
    VOIDED = "VOIDED"


@dataclass(frozen=True, slots=True)
class Dispute:
    amount: int
    """In minor units of the payment's currency."""
    outcome: DisputeOutcome | None = None
    """None while the dispute is open."""


UNSETTLED = frozenset({PaymentStatus.REQUESTED, PaymentStatus.PENDING})
"""The provider has been asked and its final answer is missing."""

RETRYABLE = UNSETTLED | {PaymentStatus.DECLINED, PaymentStatus.REFUSED}
"""A further attempt may be made: no hold is known."""

TAKEN = frozenset({PaymentStatus.CAPTURED, PaymentStatus.REFUNDED})

ENDED = frozenset({PaymentStatus.SETTLED_BY_OPERATOR, PaymentStatus.VOIDED})
"""No attempt counts any more, and none may be made."""


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
    settled: Mapping[str, int] = field(default_factory=dict)
    """What operators have given back outside Waybill and its provider, by the step they settled."""
    was_pending: bool = False
    """The latest attempt waited for its customer when an operator settled the payment."""
    settled_by_hand: int = 0
    """The refunds by hand that stand in place of steps which operators have settled."""
    disputes: Mapping[str, Dispute] = field(default_factory=dict)
    """The disputes by the provider's id."""

    @property
    def disputed(self) -> int:
        """Return the amount of the open disputes."""
        return sum(each.amount for each in self.disputes.values() if each.outcome is None)

    @property
    def closed_disputes(self) -> int:
        """Return the number of the disputes that are decided."""
        return sum(each.outcome is not None for each in self.disputes.values())

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
    def given_otherwise(self) -> int:
        """Return what lost disputes and operators have given back: no refund gives it again."""
        return self.lost + sum(self.settled.values())

    @property
    def refundable(self) -> int:
        """Return the most that may be refunded in total."""
        return max(self.captured - self.given_otherwise, 0)

    @property
    def refunded_elsewhere(self) -> int:
        return sum(self.refunds_elsewhere.values())


def hold_end_code(cause: HoldEnd) -> str:
    """Return the code that stands where a decline has the provider's: `hold_released` and so on."""
    return f"hold_{cause.lower()}"
