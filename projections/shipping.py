from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Final

from domain.shipping import events as e
from domain.shipping.state import ShipmentStatus
from eventstore.envelope import StoredEvent
from projections.change import Change, Initially, update, upsert
from projections.projection import Inline, events_of
from projections.tables import shipment_view

_NONE: Final = dict.fromkeys(["tracking_number", "carrier", "tracking_url"])
"""A parcel that is to be booked again has no tracking number yet."""


def apply(event: e.ShipmentEvent, stored: StoredEvent) -> Sequence[Change]:  # noqa: C901, PLR0911 - one for each event
    # A parcel may have left, or be lost, before it was recorded.
    recorded = partial(upsert, shipment_view, event.order_id, position=stored.position)
    moved = partial(update, shipment_view, event.order_id, position=stored.position)
    match event:
        case e.ShipmentCreated(booking=booking) if booking > 1:
            return [recorded(status=ShipmentStatus.CREATED, shipment_id=event.shipment_id)]
        case e.ShipmentCreated():
            status = Initially(ShipmentStatus.CREATED)
            return [recorded(status=status, shipment_id=event.shipment_id)]
        case e.TrackingNumberAssigned():
            tracking = {
                "tracking_number": event.tracking_number,
                "carrier": event.carrier,
                "tracking_url": event.tracking_url,
            }
            return [moved(**tracking)]
        case e.ShipmentDispatched():
            return [recorded(status=ShipmentStatus.DISPATCHED)]
        case e.ShipmentLost():
            return [recorded(status=ShipmentStatus.LOST)]
        case e.ShipmentReturnedToSender():
            return [recorded(status=ShipmentStatus.RETURNED_TO_SENDER)]
        case e.ShipmentDelivered():
            return [moved(status=ShipmentStatus.DELIVERED)]
        case e.ShipmentCancelled():
            return [moved(status=ShipmentStatus.CANCELLED)]
        case e.ShipmentStopped():
            return [moved(status=ShipmentStatus.CANCELLED, shipment_id=None, **_NONE)]
        case e.ShipmentReturnRequested() | e.ShipmentReturned():
            return [moved()]


SHIPMENTS: Final = Inline("shipments", 1, [shipment_view], events_of(e.ShipmentEvent), apply)
