from __future__ import annotations

from datetime import datetime

from domain.event import Event
from domain.money import Money
from domain.payment.commands import HoldEnd


class PaymentRequested(Event):
    """The provider is about to be asked to authorize the payment."""

    order_id: str
    attempt: int
    """The number of the attempt, counted from 1; each attempt brings its own payment method."""
    amount: Money
    """The order's total."""
    method: str
    """The provider's token for the customer's way to pay, never a card number."""


class PaymentPending(Event):
    """The provider waits for the customer, for example for 3-D Secure."""

    order_id: str
    attempt: int
    """The attempt that is answered."""
    reference: str
    """The provider's id of this payment."""
    action_url: str | None
    """The page where the customer approves the payment; null when there is none."""


class PaymentAuthorized(Event):
    """The money is held, and not yet captured."""

    order_id: str
    attempt: int
    """The attempt that is answered."""
    reference: str
    """The provider's id of this payment."""
    amount: Money
    """The amount that may be captured at most."""
    capture_before: datetime | None = None
    """The time at which the provider releases the hold; null when the provider does not say."""


class PaymentHoldEnded(Event):
    """The hold has ended before the capture; the customer is asked to pay again."""

    order_id: str
    attempt: int
    """The attempt whose hold has ended."""
    reference: str
    """The provider's id of this payment."""
    cause: HoldEnd
    """Why: the provider has released it, or it was about to run out."""


class PaymentDeclined(Event):
    """The provider declines; another method may be tried while the payment window is open."""

    order_id: str
    attempt: int
    """The attempt that is answered."""
    reference: str
    """The provider's id of this payment."""
    code: str
    """The provider's reason, for example `card_declined`."""


class PaymentCaptured(Event):
    """The money is captured: the parcel is on its way."""

    order_id: str
    reference: str
    """The provider's id of this payment."""
    amount: Money
    """The amount that was captured."""


class PaymentRefunded(Event):
    """Captured money is refunded: all of it, or the price of some of the goods."""

    order_id: str
    reference: str
    """The provider's id of this payment."""
    amount: Money
    """The amount of this refund."""
    refunded_in_all: Money
    """The total refund so far, this one included."""


class PaymentVoided(Event):
    """The hold is released, and nothing will be captured for this order."""

    order_id: str
    attempt: int
    """The latest attempt; 0 when the provider was never asked."""


PaymentEvent = (
    PaymentRequested
    | PaymentPending
    | PaymentAuthorized
    | PaymentHoldEnded
    | PaymentDeclined
    | PaymentCaptured
    | PaymentRefunded
    | PaymentVoided
)
