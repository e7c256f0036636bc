from __future__ import annotations

from typing import Annotated

from domain.event import Event
from domain.money import Money
from domain.order.commands import CancellationReason, RejectionReason
from domain.order.lines import Address, OrderLine, ReturnedLine
from domain.privacy import Personal, Sealed


class OrderCreated(Event):
    """A customer has placed an order, and its saga begins."""

    order_id: str
    customer_id: str
    lines: tuple[OrderLine, ...]
    """One for each product, at the prices agreed on."""
    total: Money
    """The sum of the lines."""
    payment_method: str
    """The provider's token of the first attempt to pay, never a card number."""
    shipping_address: Annotated[Address | Sealed, Personal(subject="customer_id")]
    """Sealed under the customer's key; in clear only where it was stored before there were keys."""
    fingerprint: str
    """A digest of the client's own input, to tell a repeat from a reuse of its key."""
    backorder: bool = False
    """Whether it waits for stock that is short, rather than be rejected."""


class OrderMilestone(Event):
    """The order has come one step further on its forward way."""

    order_id: str


class OrderReserved(OrderMilestone):
    """Every line's stock is held for it."""


class OrderAuthorized(OrderMilestone):
    """Its money is set aside."""


class OrderConfirmed(OrderMilestone):
    """It will be sent, unless it is cancelled first."""


class OrderShipped(OrderMilestone):
    """The carrier has its parcel: it can no longer be cancelled."""


class OrderDelivered(OrderMilestone):
    """The customer has it, and the return window is open."""


class OrderCompleted(OrderMilestone):
    """The return window has closed. Final."""


class OrderRejected(Event):
    """It could not be accepted; nothing of it is left to undo. Final."""

    order_id: str
    reason: RejectionReason
    sku: str | None
    """The product at fault, where it is one."""


class OrderCancellationRequested(Event):
    """It turns round: what was done for it is being undone, newest first."""

    order_id: str
    reason: CancellationReason


class OrderCancellationWithdrawn(Event):
    """The cancellation came too late, for the parcel had left: the order goes on as confirmed."""

    order_id: str


class OrderCancelled(Event):
    """All is undone: no stock is held and no money kept. Final."""

    order_id: str
    reason: CancellationReason


class OrderReturnRequested(Event):
    """The customer sends something back within the return window. An order has one return."""

    order_id: str
    lines: tuple[ReturnedLine, ...]
    """What comes back, a line for each product."""
    refund: Money
    """What it was ordered at: to be given back once the goods are here."""


class OrderReturned(Event):
    """The goods are back in stock, and their money is refunded."""

    order_id: str
    lines: tuple[ReturnedLine, ...]
    """What came back, a line for each product."""
    refund: Money
    """What was given back for it."""
    is_whole: bool
    """Everything came back: final. Otherwise the order goes on with what was kept."""


class OrderReturnLapsed(Event):
    """The goods never came back: nothing is refunded, and the order goes on as delivered."""

    order_id: str


OrderEvent = (
    OrderCreated
    | OrderReserved
    | OrderAuthorized
    | OrderConfirmed
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
)
