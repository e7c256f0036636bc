from __future__ import annotations

from domain.event import Event


class ShipmentCreated(Event):
    order_id: str
    shipment_id: str
    tracking_number: str


class ShipmentDispatched(Event):
    order_id: str


class ShipmentDelivered(Event):
    order_id: str


class ShipmentCancelled(Event):
    order_id: str


ShipmentEvent = ShipmentCreated | ShipmentDispatched | ShipmentDelivered | ShipmentCancelled
