from __future__ import annotations

from domain.event import Event


class StockReceived(Event):
    """Goods have arrived and can be reserved."""

    sku: str
    quantity: int
    """The number of pieces that arrived."""


class InventoryReserved(Event):
    """Pieces on hand are reserved for an order: no other order gets them."""

    sku: str
    order_id: str
    quantity: int
    """The number of pieces."""


class InventoryReleased(Event):
    """A reservation is released, and its pieces are on hand again."""

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
    """The order waits for pieces that are short."""

    sku: str
    order_id: str
    quantity: int
    """The number of pieces: all that the order needs."""


class BackorderEnded(Event):
    """The order no longer waits: its pieces are reserved, or it is given up."""

    sku: str
    order_id: str
    quantity: int
    """The number of pieces: all that the order waited for."""


InventoryEvent = (
    StockReceived
    | InventoryReserved
    | InventoryReleased
    | InventoryCommitted
    | StockReturned
    | BackorderQueued
    | BackorderEnded
)
