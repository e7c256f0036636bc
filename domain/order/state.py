from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final

from domain.money import Money
from domain.order import events as e
from domain.order.commands import CancellationReason
from domain.order.lines import OrderLine, ReturnedLine
from domain.order.price import NO_PRICE, Price
from domain.order.promises import NO_PROMISES, Promises


class OrderStatus(StrEnum):
    PLACED = "PLACED"
    RESERVED = "RESERVED"
    AUTHORIZED = "AUTHORIZED"
    CONFIRMED = "CONFIRMED"
    SHIPPED = "SHIPPED"
    DELIVERED = "DELIVERED"
    COMPLETED = "COMPLETED"
    REJECTED = "REJECTED"
    CANCELLING = "CANCELLING"
    CANCELLED = "CANCELLED"
    RETURNED = "RETURNED"


FORWARD = (
    OrderStatus.PLACED,
    OrderStatus.RESERVED,
    OrderStatus.AUTHORIZED,
    OrderStatus.CONFIRMED,
    OrderStatus.SHIPPED,
    OrderStatus.DELIVERED,
    OrderStatus.COMPLETED,
)
"""The path of an order without failures, in order."""

CANCELLABLE = frozenset(FORWARD[: FORWARD.index(OrderStatus.SHIPPED)])
"""The statuses in which the parcel has not left."""

CANCELLABLE_AFTER_DISPATCH = CANCELLABLE | {OrderStatus.SHIPPED, OrderStatus.DELIVERED}
"""The statuses in which the saga or an operator may cancel, although the parcel may have left."""

FINAL = frozenset(
    {
        OrderStatus.COMPLETED,
        OrderStatus.REJECTED,
        OrderStatus.CANCELLED,
        OrderStatus.RETURNED,
    }
)


@dataclass(frozen=True, slots=True)
class Return:
    lines: tuple[ReturnedLine, ...]
    refund: Price


@dataclass(frozen=True, slots=True)
class Refund:
    """A refund that an operator has requested."""

    key: str
    amount: int
    lines: tuple[ReturnedLine, ...]
    reason: str
    is_open: bool = True
    is_given_up: bool = False
    """It has ended, and the customer has got nothing."""


@dataclass(frozen=True, slots=True)
class OrderState:
    """`status` is None for an order that does not exist."""

    status: OrderStatus | None = None
    customer_id: str = ""
    number: str = ""
    fingerprint: str = ""
    lines: tuple[OrderLine, ...] = ()
    price: Price = NO_PRICE
    payment_method: str = ""
    """Empty for an order without payment."""
    promises: Promises = NO_PROMISES
    cancellation: CancellationReason | None = None
    cancellations: int = 0
    """The number of cancellation requests, those that came too late included."""
    backorder: bool = False
    has_shipped: bool = False
    """The parcel has left, independently of the order's status now."""
    return_asked_for: bool = False
    """The order has a return under way or has had it. A return that lapses may be asked again."""
    returning: Return | None = None
    """The return under way."""
    lapsed: Return | None = None
    """The return that has lapsed, whose goods may still come back."""
    lapses: int = 0
    """The number of times that a return has lapsed: it may be requested again each time."""
    returned: Return | None = None
    """The return whose goods are back."""
    refunds: Mapping[int, Refund] = field(default_factory=dict)
    """The refunds that operators have requested, by number."""

    @property
    def has_had_return(self) -> bool:
        """Return whether a return was ever requested, with any outcome."""
        return self.return_asked_for or self.lapses > 0

    @property
    def total(self) -> Money:
        return self.price.money

    @property
    def needs_payment(self) -> bool:
        """Return whether there is something to pay. The provider is never asked for a total of
        0."""
        return self.total.amount > 0

    def has_reached(self, status: OrderStatus) -> bool:
        """Return whether the order has reached this status on the forward path, or passed it.

        A returned order was delivered first.
        """
        here = OrderStatus.DELIVERED if self.status is OrderStatus.RETURNED else self.status
        return here in FORWARD[FORWARD.index(status) :]


_STATUS_AFTER: dict[type[e.OrderEvent], OrderStatus] = {
    e.OrderCreated: OrderStatus.PLACED,
    e.OrderReserved: OrderStatus.RESERVED,
    e.OrderAuthorized: OrderStatus.AUTHORIZED,
    e.OrderConfirmed: OrderStatus.CONFIRMED,
    e.OrderConfirmationWithdrawn: OrderStatus.RESERVED,
    e.OrderShipped: OrderStatus.SHIPPED,
    e.OrderDelivered: OrderStatus.DELIVERED,
    e.OrderCompleted: OrderStatus.COMPLETED,
    e.OrderRejected: OrderStatus.REJECTED,
    e.OrderCancellationRequested: OrderStatus.CANCELLING,
    e.OrderCancellationWithdrawn: OrderStatus.CONFIRMED,
    e.OrderCancelled: OrderStatus.CANCELLED,
    e.OrderReturnRequested: OrderStatus.DELIVERED,
    e.OrderReturnLapsed: OrderStatus.DELIVERED,
}


KEEPING_STATUS: Final = (e.OrderRefundRequested, e.OrderRefundEnded)
"""The events after which an order has the status that it had before."""


def status_after(event: e.OrderEvent) -> OrderStatus:
    """Return the status of an order after this event, which is none of KEEPING_STATUS."""
    if isinstance(event, e.OrderReturned) and event.is_whole:
        return OrderStatus.RETURNED
    if isinstance(event, e.OrderReturned | e.OrderReturnResumed):
        return OrderStatus.COMPLETED if event.is_complete else OrderStatus.DELIVERED
    return _STATUS_AFTER[type(event)]


def evolve(state: OrderState, event: e.OrderEvent) -> OrderState:  # noqa: C901, PLR0911 - one for each event
    match event:
        case e.OrderCreated():
            return OrderState(
                status=OrderStatus.PLACED,
                customer_id=event.customer_id,
                number=event.number,
                fingerprint=event.fingerprint,
                lines=event.lines,
                price=event.price,
                payment_method=event.payment_method or "",
                promises=event.promises,
                backorder=event.backorder,
            )
        case e.OrderShipped():
            return replace(state, status=OrderStatus.SHIPPED, has_shipped=True)
        case e.OrderCancellationRequested():
            # Everything is undone, a partial return included.
            return replace(
                state,
                status=OrderStatus.CANCELLING,
                cancellation=event.reason,
                cancellations=state.cancellations + 1,
                returning=None,
            )
        case e.OrderCancellationWithdrawn():
            return replace(state, status=OrderStatus.CONFIRMED, cancellation=None)
        case e.OrderReturnRequested():
            asked = Return(event.lines, event.refund)
            return replace(state, return_asked_for=True, returning=asked, lapsed=None)
        case e.OrderReturned():
            back = Return(event.lines, event.refund)
            return replace(state, status=status_after(event), returning=None, returned=back)
        case e.OrderReturnLapsed():
            return replace(
                state,
                return_asked_for=False,
                returning=None,
                lapsed=state.returning,
                lapses=state.lapses + 1,
            )
        case e.OrderReturnResumed():
            resumed = Return(event.lines, event.refund)
            return replace(state, return_asked_for=True, returning=resumed, lapsed=None)
        case e.OrderRefundRequested():
            refund = Refund(event.key, event.amount.amount, event.lines, event.reason)
            return replace(state, refunds={**state.refunds, event.refund: refund})
        case e.OrderRefundEnded():
            refund = replace(
                state.refunds[event.refund], is_open=False, is_given_up=event.is_given_up
            )
            return replace(state, refunds={**state.refunds, event.refund: refund})
        case _:
            return replace(state, status=status_after(event))
