from __future__ import annotations

from sqlalchemy import Executable, insert, update

from domain.shipping import events as e
from domain.shipping.state import ShipmentStatus
from eventstore.envelope import StoredEvent
from projections.tables import shipment_view

_STATUS: dict[type[e.ShipmentEvent], ShipmentStatus] = {
    e.ShipmentDispatched: ShipmentStatus.DISPATCHED,
    e.ShipmentDelivered: ShipmentStatus.DELIVERED,
    e.ShipmentCancelled: ShipmentStatus.CANCELLED,
}


def project(event: e.ShipmentEvent, stored: StoredEvent) -> Executable:
    if isinstance(event, e.ShipmentCreated):
        return insert(shipment_view).values(
            order_id=event.order_id,
            status=ShipmentStatus.CREATED,
            shipment_id=event.shipment_id,
            tracking_number=event.tracking_number,
            position=stored.position,
        )
    return (
        update(shipment_view)
        .where(shipment_view.c.order_id == event.order_id)
        .values(status=_STATUS[type(event)], position=stored.position)
    )
