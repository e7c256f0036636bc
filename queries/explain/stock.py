"""Where the stock of an order is, by line.

The stock events of an order are in the streams of its products, which may be long. The log finds
them by their ids instead, which derive from the steps that record them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from domain.ids import (
    aftercare_workflow_id,
    event_id_for,
    order_workflow_id,
    return_workflow_id,
)
from domain.inventory import events as e
from eventstore.envelope import StoredEvent
from queries.order_view import LineView

_BACK: Final = "await_delivery/returned_to_sender"
_REFUNDS: Final = ("refund", "refund/settled")


@dataclass(frozen=True, slots=True)
class LineStock:
    """The pieces of one line. `quantity` is what was ordered."""

    sku: str
    quantity: int
    backordered: int
    reserved: int
    shipped: int
    """The pieces that have left and are not back."""
    returned: int


def stock_event_ids(order_id: str, skus: Sequence[str]) -> list[UUID]:
    """Return the possible ids of the order's stock events."""
    of_order = order_workflow_id(order_id)
    most = 2 * len(skus) + 2  # A reservation ends a backorder too, and is one event of the order.
    ids = [
        event_id_for(workflow_id, step, index)
        for workflow_id, steps in (
            (of_order, ("reserve", "reject", "release", "capture/dispatch", _BACK)),
            (return_workflow_id(order_id), _REFUNDS),
            (aftercare_workflow_id(order_id), (*_REFUNDS, _BACK)),
        )
        for step in steps
        for index in range(most)
    ]
    return ids + [
        event_id_for(of_order, f"reserve/backorder/{sku}{late}", index)
        for sku in skus
        for late in ("", "/late")
        for index in range(2)  # A late release may end both a reservation and a backorder.
    ]


def stock_of(lines: Sequence[LineView], stored: Iterable[StoredEvent]) -> list[LineStock]:
    backordered, reserved, shipped, returned = (Counter[str]() for _ in range(4))
    for event in (each.decode() for each in stored):
        match event:
            case e.BackorderQueued():
                backordered[event.sku] += event.quantity
            case e.BackorderEnded():
                backordered[event.sku] -= event.quantity
            case e.InventoryReserved():
                reserved[event.sku] += event.quantity
            case e.InventoryReleased():
                reserved[event.sku] -= event.quantity
            case e.InventoryCommitted():
                reserved[event.sku] -= event.quantity
                shipped[event.sku] += event.quantity
            case e.StockReturned():
                shipped[event.sku] -= event.quantity
                returned[event.sku] += event.quantity
    return [
        LineStock(
            sku=line.sku,
            quantity=line.quantity,
            backordered=backordered[line.sku],
            reserved=reserved[line.sku],
            shipped=shipped[line.sku],
            returned=returned[line.sku],
        )
        for line in lines
    ]
