from __future__ import annotations

from domain.event import Event


class StockReceived(Event):
    sku: str
    quantity: int


class InventoryReserved(Event):
    sku: str
    order_id: str
    quantity: int


class InventoryReleased(Event):
    sku: str
    order_id: str
    quantity: int


class InventoryCommitted(Event):
    sku: str
    order_id: str
    quantity: int


InventoryEvent = StockReceived | InventoryReserved | InventoryReleased | InventoryCommitted
