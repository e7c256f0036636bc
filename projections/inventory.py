from __future__ import annotations

from collections.abc import Sequence

from domain.inventory import events as e
from eventstore.envelope import StoredEvent
from projections.change import Change

ADD = """
    INSERT INTO readmodel.inventory_view AS i (sku, position, received, adjusted, reserved, shipped)
    VALUES ($1, $2, $3, $4, $5, $6)
    ON CONFLICT (sku) DO UPDATE
    SET position = $2,
        received = i.received + $3,
        adjusted = i.adjusted + $4,
        reserved = i.reserved + $5,
        shipped = i.shipped + $6
"""
BACKORDER_QUEUED = """
    INSERT INTO readmodel.backorder_view (order_id, sku, quantity, position)
    VALUES ($1, $2, $3, $4)
"""
BACKORDER_ENDED = "DELETE FROM readmodel.backorder_view WHERE order_id = $1 AND sku = $2"


def project(event: e.InventoryEvent, stored: StoredEvent) -> Sequence[Change]:
    match event:
        case e.StockReceived():
            difference = (event.quantity, 0, 0, 0)
        case e.StockAdjusted():
            difference = (0, event.difference, 0, 0)
        case e.InventoryReserved():
            difference = (0, 0, event.quantity, 0)
        case e.InventoryReleased():
            difference = (0, 0, -event.quantity, 0)
        case e.InventoryCommitted():
            difference = (0, 0, -event.quantity, event.quantity)
        case e.StockReturned():
            difference = (0, 0, 0, -event.quantity)
        case e.BackorderQueued():
            queued = (event.order_id, event.sku, event.quantity, stored.position)
            return [Change(BACKORDER_QUEUED, queued)]
        case e.BackorderEnded():
            return [Change(BACKORDER_ENDED, (event.order_id, event.sku))]
    return [Change(ADD, (event.sku, stored.position, *difference))]
