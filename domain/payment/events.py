from __future__ import annotations

from datetime import datetime

from domain.event import Event
from domain.money import Money
from domain.payment.commands import DisputeOutcome, HoldEnd


class AttemptEvent(Event):
    """An event of an attempt to pay."""

    order_id: str


class RefundEvent(Event):
    """An event of money that is given back."""

    order_id: str


class PaymentRequested(AttemptEvent):
    """The provider is about to be asked to authorize the payment."""

    attempt: int
    """The number of the attempt, counted from 1; each attempt brings its own payment method."""
    amount: Money
    """The order's total."""
    method: str
    """The provider's token for the customer's way to pay, never a card number."""


class PaymentPending(AttemptEvent):
    """The provider waits for the customer, for example for 3-D Secure."""

    attempt: int
    """The attempt that is answered."""
    reference: str
    """The provider's id of this payment."""
    action_url: str | None
    """The page where the customer approves the payment; null when there is none."""


class PaymentAuthorized(AttemptEvent):
    """The money is held, and not yet captured."""

    attempt: int
    """The attempt that is answered."""
    reference: str
    """The provider's id of this payment."""
    amount: Money
    """The amount that may be captured at most."""
    capture_before: datetime | None = None
    """The time at which the provider releases the hold; null when the provider does not say."""


class PaymentHoldEnded(AttemptEvent):
    """The hold has ended before the capture; the customer is asked to pay again."""

    attempt: int
    """The attempt whose hold has ended."""
    reference: str
    """The provider's id of this payment."""
    cause: HoldEnd
    """Why: the provider has released it, or it was about to run out."""


class PaymentDeclined(AttemptEvent):
    """The provider declines; another method may be tried while the payment window is open."""

    attempt: int
    """The attempt that is answered."""
    reference: str
    """The provider's id of this payment."""
    code: str
    """The provider's reason, for example `card_declined`."""


class PaymentRefused(AttemptEvent):
    """The provider refuses to create the payment: nothing of this attempt exists there."""

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


class PaymentRefunded(RefundEvent):
    """Captured money is refunded: all of it, or the price of some of the goods."""

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


class PaymentRefundFailed(RefundEvent):
    """The customer's bank has rejected a refund after it had succeeded: the money came back."""

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


class PaymentRefundedElsewhere(RefundEvent):
    """Captured money is refunded that Waybill did not ask for: by hand, at the provider."""

    reference: str
    """The provider's id of this payment."""
    refund_id: str
    """The provider's id of this refund."""
    amount: Money
    """The amount of this refund."""
    refunded_in_all: Money
    """The total refund so far, this one included."""


class PaymentRefundElsewhereFailed(RefundEvent):
    """A refund by hand has failed or was cancelled at the provider: the shop has the money
    again, and an operator decides on it as on a failed refund of Waybill."""

    reference: str
    """The provider's id of this payment."""
    failure: int | None
    """The number of the failure, counted from 1 over all refunds of this payment; null when a
    parked step still owes the money."""
    refund_id: str
    """The provider's id of this refund."""
    amount: Money
    """The amount of this refund."""
    refunded_in_all: Money
    """The total refund that remains."""


class PaymentRefundSettledByOperator(RefundEvent):
    """An operator has given money back in place of a step: outside Waybill and its provider, or by
    hand at the provider."""

    step: str
    """The step that was to give it back."""
    amount: Money
    """The amount that the operator has given back outside Waybill and its provider."""
    by_hand: Money
    """The amount that refunds by hand have given. It is recorded as refunded elsewhere, too."""
    settled_in_all: Money
    """The total that operators have given back outside Waybill and its provider."""
    failure: int | None = None
    """The number of the failed refund that this makes good; null for another refund."""


class PaymentSettledByOperator(Event):
    """An operator has settled the payment: Waybill neither captures, voids nor refunds it.

    What the provider holds or has captured stays as it is there.
    """

    order_id: str
    attempt: int
    """The latest attempt."""
    step: str
    """The step that the operator has skipped or resolved: `capture` or `give_back`."""
    amount: Money
    """The amount that the operator has given back; 0 if the step was skipped, or nothing was
    captured."""
    settled_in_all: Money
    """The total that operators have given back outside Waybill and its provider."""


class PaymentVoided(AttemptEvent):
    """The hold is released, and nothing will be captured for this order."""

    attempt: int
    """The latest attempt; 0 when the provider was never asked."""


PaymentAttemptEvent = (
    PaymentRequested
    | PaymentPending
    | PaymentAuthorized
    | PaymentHoldEnded
    | PaymentDeclined
    | PaymentRefused
    | PaymentVoided
)
PaymentRefundEvent = (
    PaymentRefunded
    | PaymentRefundFailed
    | PaymentRefundedElsewhere
    | PaymentRefundElsewhereFailed
    | PaymentRefundSettledByOperator
)
PaymentEvent = (
    PaymentAttemptEvent
    | PaymentCaptured
    | PaymentRefundEvent
    | PaymentDisputed
    | PaymentDisputeClosed
    | PaymentSettledByOperator
)
