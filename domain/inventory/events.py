from __future__ import annotations

from datetime import datetime

from domain.event import Event
from domain.inventory.commands import AdjustmentReason


class StockReceived(Event):
    """Goods have arrived and can be reserved."""

    sku: str
    quantity: int
    """The number of pieces that arrived."""


class StockAdjusted(Event):
    """The pieces on hand were corrected: some were damaged, lost, found, counted otherwise, or came
    back without an order."""

    sku: str
    difference: int
    """The number of pieces that were added; negative for pieces that were taken away."""
    reason: AdjustmentReason
    """The reason for the correction."""


class InventoryReserved(Event):
    """Available pieces are reserved for an order: no other order gets them."""

    sku: str
    order_id: str
    quantity: int
    """The number of pieces."""


class InventoryReleased(Event):
    """A reservation is released, and its pieces are available again."""

    sku: str
    order_id: str
    quantity: int
    """The number of pieces: all that were reserved."""


class InventoryCommitted(Event):
    """Reserved pieces have left the warehouse with the order's parcel."""

    sku: str
    order_id: str
    quantity: int
    """The number of pieces: all that were reserved."""


class StockReturned(Event):
    """The order's customer has returned pieces, and they can be reserved again."""

    sku: str
    order_id: str
    quantity: int
    """The number of pieces, out of those that had left."""


class BackorderQueued(Event):
    """The order waits for these pieces. The available ones are kept for it while another of its
    products is short."""

    sku: str
    order_id: str
    quantity: int
    """The number of pieces: all that the order needs."""
    since: datetime
    """The time at which the order was placed and began to wait. The earliest comes first."""


class BackorderEnded(Event):
    """The order no longer waits: its pieces are reserved, or it is given up."""

    sku: str
    order_id: str
    quantity: int
    """The number of pieces: all that the order waited for."""


InventoryEvent = (
    StockReceived
    | StockAdjusted
    | InventoryReserved
    | InventoryReleased
    | InventoryCommitted
    | StockReturned
    | BackorderQueued
    | BackorderEnded
)
