from __future__ import annotations

from domain.shipping import events as e
from domain.shipping.state import ShipmentStatus
from eventstore.envelope import StoredEvent
from projections.change import Change

CREATED = """
    INSERT INTO readmodel.shipment_view (order_id, status, position, shipment_id, tracking_number)
    VALUES ($1, $2, $3, $4, $5)
"""
MOVED = """
    UPDATE readmodel.shipment_view SET status = $2, position = $3 WHERE order_id = $1
"""


def project(event: e.ShipmentEvent, stored: StoredEvent) -> Change:
    def change(sql: str, status: ShipmentStatus, *more: object) -> Change:
        return Change(sql, (event.order_id, status, stored.position, *more))

    match event:
        case e.ShipmentCreated():
            return change(CREATED, ShipmentStatus.CREATED, event.shipment_id, event.tracking_number)
        case e.ShipmentDispatched():
            return change(MOVED, ShipmentStatus.DISPATCHED)
        case e.ShipmentDelivered():
            return change(MOVED, ShipmentStatus.DELIVERED)
        case e.ShipmentCancelled():
            return change(MOVED, ShipmentStatus.CANCELLED)
