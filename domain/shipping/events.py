from __future__ import annotations

from domain.event import Event


class ShipmentCreated(Event):
    """The carrier knows of the parcel. It may have left before we heard of it."""

    order_id: str
    shipment_id: str
    """The carrier's."""
    tracking_number: str
    """For the customer to follow the parcel by."""


class ShipmentDispatched(Event):
    """The carrier has the parcel: from now on it cannot be stopped."""

    order_id: str


class ShipmentDelivered(Event):
    """The carrier has handed the parcel over."""

    order_id: str


class ShipmentCancelled(Event):
    """The parcel never leaves. One that the carrier was never asked for is cancelled too."""

    order_id: str


class ShipmentLost(Event):
    """The carrier has lost the parcel: it arrives no more."""

    order_id: str


class ShipmentReturnRequested(Event):
    """The carrier will fetch back what the order's return is of."""

    order_id: str
    return_id: str
    """The carrier's."""


class ShipmentReturned(Event):
    """What the order's return is of has come back."""

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
