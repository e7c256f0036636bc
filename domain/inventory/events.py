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


InventoryEvent = StockReceived | InventoryReserved | InventoryReleased | InventoryCommitted
