from __future__ import annotations

from domain.event import Event


class ShipmentCreated(Event):
    """The carrier knows of the parcel. It may have left before this event."""

    order_id: str
    shipment_id: str
    """The carrier's id of the shipment."""
    tracking_number: str
    """The number by which the customer tracks the parcel."""


class ShipmentDispatched(Event):
    """The carrier has the parcel: from now on it cannot be stopped."""

    order_id: str


class ShipmentDelivered(Event):
    """The carrier has handed the parcel over."""

    order_id: str


class ShipmentCancelled(Event):
    """The parcel will never leave. A shipment that was never requested can be cancelled too."""

    order_id: str


class ShipmentLost(Event):
    """The carrier has lost the parcel: it will not arrive."""

    order_id: str


class ShipmentReturnRequested(Event):
    """The carrier will collect the goods of the order's return."""

    order_id: str
    return_id: str
    """The carrier's id of the return."""


class ShipmentReturned(Event):
    """The goods of the order's return are back."""

    order_id: str


ShipmentEvent = (
    ShipmentCreated
    | ShipmentDispatched
    | ShipmentDelivered
    | ShipmentCancelled
    | ShipmentLost
    | ShipmentReturnRequested
    | ShipmentReturned
)
