"""Say which events are final facts that a customer is notified of.

Nothing that a later step may still take back is notified: not the reservation, the authorization or
the confirmation, and no request for a cancellation.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from domain.event import Event
from domain.inventory.events import BackorderQueued
from domain.order import events as o
from domain.payment.events import PaymentDeclined, PaymentHoldEnded, PaymentPending
from domain.saga.events import SagaParked
from domain.saga.plan import GIVE_BACK, REFUND, REFUND_ORDER

PROVIDER_REFUSED: Final = "PROVIDER_REFUSED"
"""The code of a parked step that the provider has refused. Any other failure is tried again."""

_GIVING_BACK: Final = frozenset({REFUND.name, GIVE_BACK.name})


class Notice(StrEnum):
    """The kinds of notifications that a customer gets."""

    RECEIVED = "received"
    PAYMENT_NEEDED = "payment_needed"
    WAITING_FOR_STOCK = "waiting_for_stock"
    SHIPPED = "shipped"
    DELIVERED = "delivered"
    CANCELLED = "cancelled"
    REJECTED = "rejected"
    RETURNED = "returned"
    RETURN_LAPSED = "return_lapsed"
    REFUND_FAILED = "refund_failed"
    REFUNDED = "refunded"


ONCE_PER_ORDER: Final = (Notice.WAITING_FOR_STOCK, Notice.REFUND_FAILED)
"""Several events of an order may say the same: each product that is short, and each parking."""

_ALWAYS: Final[dict[type[Event], Notice]] = {
    o.OrderCreated: Notice.RECEIVED,
    o.OrderShipped: Notice.SHIPPED,
    o.OrderDelivered: Notice.DELIVERED,
    o.OrderCancelled: Notice.CANCELLED,
    o.OrderRejected: Notice.REJECTED,
    o.OrderReturned: Notice.RETURNED,
    o.OrderReturnLapsed: Notice.RETURN_LAPSED,
    PaymentDeclined: Notice.PAYMENT_NEEDED,
    PaymentHoldEnded: Notice.PAYMENT_NEEDED,
    BackorderQueued: Notice.WAITING_FOR_STOCK,
}

_MAYBE: Final[tuple[type[Event], ...]] = (PaymentPending, SagaParked, o.OrderRefundEnded)

TYPES: Final = frozenset(event.__name__ for event in (*_ALWAYS, *_MAYBE))
"""The types of the events that may be notified of."""


def notice_of(event: Event) -> Notice | None:
    """Return the kind of the notification of this event, or None when it is no final fact."""
    match event:
        case PaymentPending(action_url=str()):  # without a page, only the provider can act
            return Notice.PAYMENT_NEEDED
        case SagaParked(code=code, step=step):
            is_refused = code == PROVIDER_REFUSED and _gives_back(step)
            return Notice.REFUND_FAILED if is_refused else None
        case o.OrderRefundEnded():  # an operator may have settled it without a refund
            return Notice.REFUNDED if event.refunded.amount else None
        case _:
            return _ALWAYS.get(type(event))


def _gives_back(step: str) -> bool:
    return step in _GIVING_BACK or step.startswith(REFUND_ORDER)
