from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from domain.shipping import events as e


class ShipmentStatus(StrEnum):
    CREATED = "CREATED"
    DISPATCHED = "DISPATCHED"
    DELIVERED = "DELIVERED"
    CANCELLED = "CANCELLED"


@dataclass(frozen=True, slots=True)
class ShipmentState:
    """`status` is None while the carrier has no shipment of the order that we know of."""

    status: ShipmentStatus | None = None
    shipment_id: str | None = None
    tracking_number: str | None = None


def evolve(state: ShipmentState, event: e.ShipmentEvent) -> ShipmentState:
    match event:
        case e.ShipmentCreated():
            return ShipmentState(
                status=ShipmentStatus.CREATED,
                shipment_id=event.shipment_id,
                tracking_number=event.tracking_number,
            )
        case e.ShipmentDispatched():
            return replace(state, status=ShipmentStatus.DISPATCHED)
        case e.ShipmentDelivered():
            return replace(state, status=ShipmentStatus.DELIVERED)
        case e.ShipmentCancelled():
            return replace(state, status=ShipmentStatus.CANCELLED)
