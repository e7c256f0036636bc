from __future__ import annotations

from domain.event import Event
from domain.money import Money


class PaymentRequested(Event):
    """The provider is about to be asked to set money aside."""

    order_id: str
    attempt: int
    """Counts from 1; each one brings a payment method of its own."""
    amount: Money
    """The order's total."""
    method: str
    """The provider's token for the customer's way to pay, never a card number."""


class PaymentPending(Event):
    """The provider waits for the customer, for 3-D Secure say."""

    order_id: str
    attempt: int
    """The one that is answered."""
    reference: str
    """The provider's id of this payment."""
    action_url: str | None
    """Where the customer goes to approve it; null when there is nowhere to go."""


class PaymentAuthorized(Event):
    """The money is set aside, and not yet taken."""

    order_id: str
    attempt: int
    """The one that is answered."""
    reference: str
    """The provider's id of this payment."""
    amount: Money
    """What may be taken at most."""


class PaymentDeclined(Event):
    """The provider refuses; another method may be tried while the payment window is open."""

    order_id: str
    attempt: int
    """The one that is answered."""
    reference: str
    """The provider's id of this payment."""
    code: str
    """The provider's reason, `card_declined` say."""


class PaymentCaptured(Event):
    """The money is taken: the parcel is on its way."""

    order_id: str
    reference: str
    """The provider's id of this payment."""
    amount: Money
    """What was taken."""


class PaymentRefunded(Event):
    """Money that was taken is given back: all of it, or what a part of the goods had cost."""

    order_id: str
    reference: str
    """The provider's id of this payment."""
    amount: Money
    """What was given back this time."""
    refunded_in_all: Money
    """What has been given back so far, with this."""


class PaymentVoided(Event):
    """What was set aside is free again, and nothing will be taken for this order."""

    order_id: str
    attempt: int
    """The last one; 0 when the provider was never asked."""


PaymentEvent = (
    PaymentRequested
    | PaymentPending
    | PaymentAuthorized
    | PaymentDeclined
    | PaymentCaptured
    | PaymentRefunded
    | PaymentVoided
)
