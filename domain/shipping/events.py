from __future__ import annotations

from domain.event import Event


class ShipmentCreated(Event):
    """The carrier knows of the parcel. It may have left before this event."""

    order_id: str
    shipment_id: str
    """The carrier's id of the shipment."""
    booking: int = 1
    """The number of the shipment: a parcel that was stopped is booked again, under another."""


class TrackingNumberAssigned(Event):
    """The carrier has given the parcel a tracking number, or another one than before.

    A carrier gives it when the shipment is created, at the dispatch or later.
    """

    order_id: str
    tracking_number: str
    """The number by which the customer tracks the parcel."""
    carrier: str | None
    """The carrier's name, for people; null when the carrier does not give it."""
    tracking_url: str | None
    """The carrier's page about the parcel, an https URL; null when there is none."""


class ShipmentDispatched(Event):
    """The carrier has the parcel: from now on it cannot be stopped."""

    order_id: str


class ShipmentDelivered(Event):
    """The carrier has handed the parcel over."""

    order_id: str


class ShipmentCancelled(Event):
    """The parcel will never leave. A shipment that was never requested can be cancelled too."""

    order_id: str


class ShipmentStopped(Event):
    """The payment's hold has ended, and the carrier has cancelled the shipment.

    The parcel is booked again once the order is paid.
    """

    order_id: str
    booking: int
    """The number of the shipment that was cancelled."""
    attempt: int
    """The attempt to pay whose hold has ended."""


class ShipmentLost(Event):
    """The carrier has lost the parcel: it will not arrive."""

    order_id: str


class ShipmentReturnedToSender(Event):
    """The parcel could not be delivered, and is back in the warehouse."""

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
    | TrackingNumberAssigned
    | ShipmentDispatched
    | ShipmentDelivered
    | ShipmentCancelled
    | ShipmentStopped
    | ShipmentLost
    | ShipmentReturnedToSender
    | ShipmentReturnRequested
    | ShipmentReturned
)
