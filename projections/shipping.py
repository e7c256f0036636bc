from __future__ import annotations

from collections.abc import Sequence

from domain.shipping import events as e
from domain.shipping.state import ShipmentStatus
from eventstore.envelope import StoredEvent
from projections.change import Change

# A parcel may have left, or be lost, before it was recorded.
CREATED = """
    INSERT INTO readmodel.shipment_view (order_id, status, position, shipment_id)
    VALUES ($1, $2, $3, $4)
    ON CONFLICT (order_id) DO UPDATE SET position = $3, shipment_id = $4
"""
NUMBERED = """
    UPDATE readmodel.shipment_view
    SET position = $2, tracking_number = $3, carrier = $4, tracking_url = $5
    WHERE order_id = $1
"""
LEFT = """
    INSERT INTO readmodel.shipment_view (order_id, status, position)
    VALUES ($1, $2, $3)
    ON CONFLICT (order_id) DO UPDATE SET status = $2, position = $3
"""
MOVED = """
    UPDATE readmodel.shipment_view SET status = $2, position = $3 WHERE order_id = $1
"""
CAME_BACK = """
    UPDATE readmodel.shipment_view SET position = $2 WHERE order_id = $1
"""


def project(event: e.ShipmentEvent, stored: StoredEvent) -> Sequence[Change]:  # noqa: PLR0911 - one for each event
    def change(sql: str, status: ShipmentStatus, *more: object) -> Sequence[Change]:
        return [Change(sql, (event.order_id, status, stored.position, *more))]

    match event:
        case e.ShipmentCreated():
            return change(CREATED, ShipmentStatus.CREATED, event.shipment_id)
        case e.TrackingNumberAssigned():
            tracking = (event.tracking_number, event.carrier, event.tracking_url)
            return [Change(NUMBERED, (event.order_id, stored.position, *tracking))]
        case e.ShipmentDispatched():
            return change(LEFT, ShipmentStatus.DISPATCHED)
        case e.ShipmentLost():
            return change(LEFT, ShipmentStatus.LOST)
        case e.ShipmentDelivered():
            return change(MOVED, ShipmentStatus.DELIVERED)
        case e.ShipmentCancelled():
            return change(MOVED, ShipmentStatus.CANCELLED)
        case e.ShipmentReturnRequested() | e.ShipmentReturned():
            return [Change(CAME_BACK, (event.order_id, stored.position))]
