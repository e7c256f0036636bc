from __future__ import annotations

from datetime import datetime

from domain.event import Event
from domain.money import Money
from domain.payment.commands import DisputeOutcome, HoldEnd


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


class PaymentRefused(Event):
    """The provider refuses to create the payment: nothing of this attempt exists there."""

    order_id: str
    attempt: int
    """The attempt that is answered."""
    code: str
    """The provider's reason, for example `amount_too_small`."""


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
    purpose: str
    """The step that gave the money back: `refund` for a return, `give_back` for a cancellation, and
    `refund_order_<number>` for a refund that an operator requested."""
    repeats: int | None = None
    """The number of the failed refund that this one makes good; null for another refund."""


class PaymentRefundFailed(Event):
    """The customer's bank has rejected a refund after it had succeeded: the money came back."""

    order_id: str
    reference: str
    """The provider's id of this payment."""
    failure: int
    """The number of the failure, counted from 1 over all refunds of this payment."""
    purpose: str
    """The step that had given the money back, as in `PaymentRefunded`."""
    amount: Money
    """The amount that the customer has not got."""
    refunded_in_all: Money
    """The total refund that remains."""


class DisputeEvent(Event):
    """Amounts "in all" are those of every dispute of this payment, after this event."""

    order_id: str
    reference: str
    """The provider's id of this payment."""
    dispute_id: str
    """The provider's id of the dispute."""
    amount: Money
    """The amount of this dispute."""
    disputed_in_all: Money
    """The amount of the open disputes."""
    won_in_all: Money
    """The amount of the disputes that were won."""
    lost_in_all: Money
    """The amount that lost disputes have given back to the customer."""


class PaymentDisputed(DisputeEvent):
    """The customer's bank disputes the charge, or disputes another amount than before."""

    reason: str
    """The provider's code for the customer's reason, for example `fraudulent`."""


class PaymentDisputeClosed(DisputeEvent):
    """The dispute is decided. If it is lost, the customer keeps the disputed amount."""

    outcome: DisputeOutcome
    """The decision of the customer's bank."""


class PaymentRefundedElsewhere(Event):
    """Captured money is refunded that Waybill did not ask for: by hand, at the provider."""

    order_id: str
    reference: str
    """The provider's id of this payment."""
    refund_id: str
    """The provider's id of this refund."""
    amount: Money
    """The amount of this refund."""
    refunded_in_all: Money
    """The total refund so far, this one included."""


class PaymentRefundElsewhereFailed(Event):
    """A refund by hand has failed or was cancelled at the provider: the shop has the money
    again."""

    order_id: str
    reference: str
    """The provider's id of this payment."""
    refund_id: str
    """The provider's id of this refund."""
    amount: Money
    """The amount of this refund."""
    refunded_in_all: Money
    """The total refund that remains."""


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
    | PaymentRefused
    | PaymentCaptured
    | PaymentRefunded
    | PaymentRefundFailed
    | PaymentRefundedElsewhere
    | PaymentRefundElsewhereFailed
    | PaymentDisputed
    | PaymentDisputeClosed
    | PaymentVoided
)
