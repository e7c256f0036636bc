from __future__ import annotations

from domain.command import Command


class ShipmentCommand(Command):
    """`aggregate_id` is the order's id: an order has one shipment."""


class RecordShipment(ShipmentCommand):
    shipment_id: str
    tracking_number: str


class RecordDispatch(ShipmentCommand):
    """One that was never recorded may have left all the same."""


class RecordDelivery(ShipmentCommand):
    pass


class RecordShipmentCancelled(ShipmentCommand):
    """One that was never recorded is cancelled too: a late record of it then changes nothing."""


class RecordLoss(ShipmentCommand):
    """The carrier has lost the parcel. One that is not known to have left had left then."""


class RecordReturnShipment(ShipmentCommand):
    """The carrier will fetch back what the order's return is of; the order decided that it may."""

    return_id: str


class RecordGoodsBack(ShipmentCommand):
    """What the order's return is of has come back."""
