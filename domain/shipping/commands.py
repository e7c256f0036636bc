from __future__ import annotations

from typing import Annotated

from pydantic import Field

from domain.command import Command
from domain.shipping.tracking import TrackingInfo


class ShipmentCommand(Command):
    """`aggregate_id` is the order's id: an order has one shipment."""


class RecordShipment(ShipmentCommand):
    """`booking` counts the shipments of the order from 1. A late record of an earlier one changes
    nothing."""

    shipment_id: str
    booking: Annotated[int, Field(ge=1)] = 1


class RecordTracking(ShipmentCommand):
    """Record the tracking number that the carrier gives the parcel, at any time, and each change.

    A parcel that is not recorded or is cancelled has none: this changes nothing then.
    """

    tracking: TrackingInfo


class RecordDispatch(ShipmentCommand):
    """Record the dispatch, also of a shipment that was never recorded."""


class RecordDelivery(ShipmentCommand):
    pass


class RecordShipmentCancelled(ShipmentCommand):
    """Record the cancellation, also of a shipment that was never recorded.

    A late record of that shipment then changes nothing.
    """


class RecordShipmentStopped(ShipmentCommand):
    """Record that the carrier has cancelled this booking because the order is not paid any more.

    The parcel is booked again, under the next number, once a later attempt to pay than `attempt`
    is authorized.
    """

    booking: Annotated[int, Field(ge=1)]
    attempt: Annotated[int, Field(ge=1)]


class RecordLoss(ShipmentCommand):
    """Record that the carrier has lost the parcel. A lost parcel counts as one that has left."""


class RecordReturnToSender(ShipmentCommand):
    """Record that the parcel could not be delivered and is back in the warehouse.

    A parcel that was reported lost may come back in this way.
    """


class RecordReturnShipment(ShipmentCommand):
    """Record that the carrier will collect the goods of the return; the order has permitted it."""

    return_id: str


class RecordGoodsBack(ShipmentCommand):
    """Record that the goods of the order's return are back."""
