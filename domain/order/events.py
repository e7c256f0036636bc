from __future__ import annotations

from typing import Annotated

from pydantic import Field

from domain.event import Event
from domain.money import Money
from domain.order.commands import CancellationReason, RejectionReason
from domain.order.contact import Contact
from domain.order.lines import Address, OrderLine, ReturnedLine
from domain.order.price import Price
from domain.order.promises import Promises
from domain.order.references import Metadata
from domain.privacy import Personal, Sealed


class OrderCreated(Event):
    """A customer has placed an order, and its saga starts."""

    order_id: str
    customer_id: str
    lines: tuple[OrderLine, ...]
    """The products, one line for each, at the agreed prices."""
    price: Price
    """The price of the order in its parts, which the parts of the lines add up to."""
    payment_method: str | None = None
    """The provider's token of the first attempt to pay, never a card number. Null for a total of
    0."""
    shipping_address: Annotated[Address | Sealed, Personal(subject="customer_id")]
    """Encrypted with the customer's key; in clear only where it was stored before keys existed."""
    contact: Annotated[Contact | Sealed | None, Personal(subject="customer_id")] = None
    """How to reach the customer, encrypted with the customer's key; null where none was given."""
    fingerprint: str
    """A digest of the client's own input, to distinguish a repeat from a reuse of its key."""
    number: str
    """The number by which people name the order. No other order has it."""
    promises: Promises
    """The deadlines that hold for the order, whatever the settings say later."""
    backorder: bool = False
    """True when the order waits for stock that is short, instead of being rejected."""
    reference: str | None = None
    """The shop's own name for the order. It must hold no personal data."""
    metadata: Metadata = Field(default_factory=dict)
    """The shop's own facts about the order. They must hold no personal data."""
    discount_code: str | None = None
    """The code that the discount was granted for."""

    @property
    def total(self) -> Money:
        return self.price.money


class OrderMilestone(Event):
    """The order has come one step further on the forward path."""

    order_id: str


class OrderReserved(OrderMilestone):
    """The stock of every line is reserved for the order."""


class OrderAuthorized(OrderMilestone):
    """The payment is authorized, or there is nothing to pay."""


class OrderConfirmed(OrderMilestone):
    """The order will be sent, unless it is cancelled first."""


class OrderConfirmationWithdrawn(OrderMilestone):
    """The payment's hold has ended before the dispatch: the order waits for its customer again."""


class OrderShipped(OrderMilestone):
    """The carrier has the parcel: the order can no longer be cancelled."""


class OrderDelivered(OrderMilestone):
    """The customer has the parcel, and the return window is open."""


class OrderCompleted(OrderMilestone):
    """The return window has closed. Final."""


class OrderRejected(Event):
    """The order could not be accepted, and nothing of it is left to undo. Final."""

    order_id: str
    reason: RejectionReason
    sku: str | None
    """The product that caused the rejection, if it was a product."""


class OrderCancellationRequested(Event):
    """The order compensates: its completed steps are undone, newest first."""

    order_id: str
    reason: CancellationReason


class OrderCancellationWithdrawn(Event):
    """The cancellation came too late, because the parcel had left: the order continues as
    confirmed."""

    order_id: str


class OrderCancelled(Event):
    """Everything is undone: no stock is reserved and no money kept. Final."""

    order_id: str
    reason: CancellationReason


class OrderReturnRequested(Event):
    """The customer returns goods within the return window.

    An order has one return. After it lapsed it may be requested again.
    """

    order_id: str
    lines: tuple[ReturnedLine, ...]
    """The goods that come back, a line for each product."""
    refund: Price
    """The parts of the price that are to be refunded once the goods are back."""


class OrderReturned(Event):
    """The goods are back in stock, and their money is refunded."""

    order_id: str
    lines: tuple[ReturnedLine, ...]
    """The goods that came back, a line for each product."""
    refund: Price
    """The parts of the price that were due for them."""
    refunded: Money
    """The amount that Waybill has given back for them. It is less than the price when a lost
    dispute or an operator has given the rest, or an operator has skipped the refund."""
    is_whole: bool
    """True when everything came back: final. Otherwise the order continues with the rest."""
    is_complete: bool = False
    """True when the return had lapsed and the order was complete before the goods came back."""


class OrderReturnLapsed(Event):
    """The goods have not come back in time: nothing is refunded, and the order continues."""

    order_id: str


class OrderReturnResumed(Event):
    """The goods of a lapsed return have come back after all: they are refunded."""

    order_id: str
    lines: tuple[ReturnedLine, ...]
    """The goods that have come back, a line for each product."""
    refund: Price
    """The parts of the price that are to be refunded, without those of pieces whose price an
    operator has promised back since the return lapsed."""
    is_complete: bool
    """True when the order is complete: its return window has closed since."""


class OrderRefundRequested(Event):
    """An operator has promised the customer money back. The order keeps its status."""

    order_id: str
    refund: int
    """The number of the refund, counted from 1 for each order."""
    amount: Money
    """The amount that is promised."""
    price: Price | None
    """The parts of the price of the pieces; null when an amount was requested."""
    lines: tuple[ReturnedLine, ...]
    """The pieces whose price is promised; empty when an amount was requested."""
    reason: str
    """The reason, in the words of the operator."""
    key: str
    """A digest of the operator and the idempotency key."""


class OrderRefundEnded(Event):
    """The refund is made, or an operator has settled its step.

    It comes a second time when the whole refund has failed at the bank and an operator gives it up.
    """

    order_id: str
    refund: int
    """The number of the refund."""
    refunded: Money
    """The amount that Waybill has given back. It is less than the promise only when an operator has
    settled the step, or when a cancellation or a lost dispute gave the rest back."""
    is_given_up: bool = False
    """True when an operator has skipped the step, or the step that was to repeat the failed refund,
    and the customer has got nothing: the pieces count as not refunded."""


OrderEvent = (
    OrderCreated
    | OrderReserved
    | OrderAuthorized
    | OrderConfirmed
    | OrderConfirmationWithdrawn
    | OrderShipped
    | OrderDelivered
    | OrderCompleted
    | OrderRejected
    | OrderCancellationRequested
    | OrderCancellationWithdrawn
    | OrderCancelled
    | OrderReturnRequested
    | OrderReturned
    | OrderReturnLapsed
    | OrderReturnResumed
    | OrderRefundRequested
    | OrderRefundEnded
)
