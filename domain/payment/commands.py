from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from domain.command import Command
from domain.money import Money


class HoldEnd(StrEnum):
    """The ways in which a hold ends before the capture."""

    RELEASED = "RELEASED"
    """The provider has released it: it ran out, or was cancelled at the provider."""
    RUNNING_OUT = "RUNNING_OUT"
    """It was about to run out before the dispatch, so Waybill has voided it."""


class DisputeOutcome(StrEnum):
    WON = "WON"
    """The shop keeps the money. An inquiry that ended without a dispute counts as won."""
    LOST = "LOST"
    """The customer's bank has given the money back to the customer."""


class PaymentCommand(Command):
    """`aggregate_id` is the order's id: an order has one payment, of one or more attempts."""


class AttemptCommand(PaymentCommand):
    """A command about an attempt to pay."""


class RefundCommand(PaymentCommand):
    """A command about money that is given back."""


class RequestPayment(AttemptCommand):
    """Record that the provider is about to be asked, so that the log knows every attempt."""

    attempt: Annotated[int, Field(ge=1)]
    amount: Money
    method: str


class RecordPending(AttemptCommand):
    """Record that the customer has to act, for example with 3-D Secure."""

    attempt: int
    reference: str
    action_url: str | None


class RecordAuthorization(AttemptCommand):
    """Refused with PAYMENT_SUPERSEDED once the attempt no longer counts: its hold must be
    voided."""

    attempt: int
    reference: str
    capture_before: datetime | None = None
    """The time at which the provider releases the hold; None when the provider does not say."""


class RecordHoldEnd(AttemptCommand):
    """Record that the hold of this attempt has ended: the customer has to pay again.

    An attempt that no longer counts, or that was captured first, is not changed.
    """

    attempt: int
    cause: HoldEnd


class RecordDecline(AttemptCommand):
    attempt: int
    reference: str
    code: str


class RecordRefusal(AttemptCommand):
    """Record that the provider refused to create the payment of an attempt: it holds nothing."""

    attempt: int
    code: str


class RecordCapture(PaymentCommand):
    amount: Money


class RecordRefund(RefundCommand):
    """Record what the provider has refunded for one purpose, its earlier refunds included.

    The purpose is the step of a saga that gives the money back.
    """

    purpose: str
    given: Money
    repeats: int | None = None
    """The number of the failed refund that this one makes good."""


class RecordRefundFailure(RefundCommand):
    """Record that a refund has failed at the bank, after it had succeeded.

    `remains` is what the provider's records show as refunded for this purpose now.
    """

    purpose: str
    remains: Money


class RecordDispute(PaymentCommand):
    """Record a dispute as the provider shows it. `outcome` is None while it is open."""

    dispute_id: str
    amount: Money
    reason: str
    outcome: DisputeOutcome | None = None


class RecordRefundsElsewhere(RefundCommand):
    """Record the refunds that Waybill did not ask for, as the provider lists them now."""

    refunds: dict[str, Annotated[int, Field(ge=1)]]
    """The amounts by the provider's ids of the refunds, without those that have failed."""
    is_awaited: bool = False
    """A step that gives money back is parked: it still owes what a refund in its place has not
    given."""


class RecordRefundSettlement(RefundCommand):
    """Record that an operator has given back, outside Waybill, what a step was to refund.

    `due` is what the step was to give back in all. A failed refund is due as it failed.
    `by_hand` was refunded at the provider since the step was first parked. It is recorded as such,
    and stands in place of this step as far as it does not stand in place of another one.
    """

    step: str
    due: Annotated[int, Field(ge=0)] = 0
    by_hand: Annotated[int, Field(ge=0)] = 0
    failure: int | None = None
    """The number of the failed refund that the step was to make good."""


class RecordSettlement(PaymentCommand):
    """Record that an operator has settled the step that was to capture or to give back.

    Waybill leaves the payment at the provider as it is.
    """

    step: str
    is_given_back: bool
    """The operator has given back outside Waybill what it had captured."""


class RecordVoid(AttemptCommand):
    """Record that nothing will be captured. This also closes a payment that was never requested.

    No attempt can start after it. `attempt` is the latest that was voided; 0 where there was none.
    Refused with PAYMENT_SUPERSEDED when a newer attempt has started.
    """

    attempt: Annotated[int, Field(ge=0)]
