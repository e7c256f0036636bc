from __future__ import annotations

from datetime import datetime
from typing import Self

import strawberry

from queries.order_view import OrderView
from queries.order_waits import WaitingFor, waits_of

strawberry.enum(WaitingFor)


@strawberry.type(
    description="A party that an order waits for. DISPATCH: the order is confirmed and the carrier "
    "has to collect the parcel. DELIVERY: the parcel is on its way. PAYMENT: the customer has to "
    "approve the payment or to choose another method. STOCK: the order is backordered. OPERATOR: "
    "the order needs attention."
)
class OrderWait:
    waiting_for: WaitingFor
    since: datetime = strawberry.field(
        description="For OPERATOR, the time at which the first step parked, or at which the first "
        "difference was found. Otherwise `Order.updatedAt`: the time of the event after which the "
        "order waits."
    )

    @classmethod
    def all_of(cls, order: OrderView) -> list[Self] | None:
        """Return the waits of the order; None for an order as it was earlier."""
        if order.needs_attention is None:
            return None
        return [cls(waiting_for=wait.waiting_for, since=wait.since) for wait in waits_of(order)]
