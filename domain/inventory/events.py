from __future__ import annotations

from domain.event import Event


class StockReceived(Event):
    """Goods have arrived and can be reserved."""

    sku: str
    quantity: int
    """In pieces, in addition to those on hand."""


class InventoryReserved(Event):
    """Pieces on hand are held for an order: no other gets them."""

    sku: str
    order_id: str
    quantity: int
    """In pieces."""


class InventoryReleased(Event):
    """A reservation is given up, and its pieces are on hand again."""

    sku: str
    order_id: str
    quantity: int
    """In pieces: all that were reserved."""


class InventoryCommitted(Event):
    """Reserved pieces have left the house with the order's parcel."""

    sku: str
    order_id: str
    quantity: int
    """In pieces: all that were reserved."""


class StockReturned(Event):
    """Pieces have come back from the order's customer and can be reserved again."""

    sku: str
    order_id: str
    quantity: int
    """In pieces, of those that had left."""


class BackorderQueued(Event):
    """The order waits for pieces that are short."""

    sku: str
    order_id: str
    quantity: int
    """In pieces: all that it wants."""


class BackorderEnded(Event):
    """The order waits no longer: its pieces are reserved, or it is given up."""

    sku: str
    order_id: str
    quantity: int
    """In pieces: all that it waited for."""


InventoryEvent = (
    StockReceived
    | InventoryReserved
    | InventoryReleased
    | InventoryCommitted
    | StockReturned
    | BackorderQueued
    | BackorderEnded
)
