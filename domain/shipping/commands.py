from __future__ import annotations

from domain.command import Command


class ShipmentCommand(Command):
    """`aggregate_id` is the order's id: an order has one shipment."""


class RecordShipment(ShipmentCommand):
    shipment_id: str
    tracking_number: str


class RecordDispatch(ShipmentCommand):
    pass


class RecordDelivery(ShipmentCommand):
    pass


class RecordShipmentCancelled(ShipmentCommand):
    """One that was never recorded is cancelled too: a late record of it then changes nothing."""
