from __future__ import annotations

from typing import Final

import pytest

from domain.shipping import events as e
from projections.shipping import SHIPMENTS
from projections.tables import shipment_view
from tests.support.projections import given

CREATED: Final = e.ShipmentCreated(order_id="o-1", shipment_id="shp_1")
DISPATCHED: Final = e.ShipmentDispatched(order_id="o-1")


def test_a_parcel_has_its_tracking_number() -> None:
    assigned = e.TrackingNumberAssigned(
        order_id="o-1", tracking_number="WB1", carrier="Parcels", tracking_url="https://p.example/1"
    )
    row = {
        "order_id": "o-1",
        "status": "CREATED",
        "shipment_id": "shp_1",
        "tracking_number": "WB1",
        "carrier": "Parcels",
        "tracking_url": "https://p.example/1",
        "position": 2,
    }
    given(SHIPMENTS, [CREATED, assigned]).then({shipment_view: [row]})


@pytest.mark.parametrize(
    ("event", "status"),
    [(DISPATCHED, "DISPATCHED"), (e.ShipmentLost(order_id="o-1"), "LOST")],
)
def test_a_parcel_that_left_before_it_was_recorded_keeps_its_status(
    event: e.ShipmentEvent, status: str
) -> None:
    row = {"status": status, "shipment_id": "shp_1", "position": 2}
    given(SHIPMENTS, [event, CREATED]).then({shipment_view: [row]})


def test_a_return_changes_no_status() -> None:
    returned = e.ShipmentReturned(order_id="o-1")
    delivered = e.ShipmentDelivered(order_id="o-1")
    row = {"status": "DELIVERED", "position": 4}
    given(SHIPMENTS, [CREATED, DISPATCHED, delivered, returned]).then({shipment_view: [row]})


def test_a_parcel_that_is_booked_again_shows_its_new_booking_alone() -> None:
    assigned = e.TrackingNumberAssigned(
        order_id="o-1", tracking_number="WB1", carrier="Parcels", tracking_url="https://p.example/1"
    )
    stopped = e.ShipmentStopped(order_id="o-1", booking=1, attempt=1)
    again = e.ShipmentCreated(order_id="o-1", shipment_id="shp_2", booking=2)
    nothing = {"tracking_number": None, "carrier": None, "tracking_url": None}
    row = {"status": "CANCELLED", "shipment_id": None, "position": 3, **nothing}
    given(SHIPMENTS, [CREATED, assigned, stopped]).then({shipment_view: [row]})
    row = {"status": "CREATED", "shipment_id": "shp_2", "position": 4, **nothing}
    given(SHIPMENTS, [CREATED, assigned, stopped, again]).then({shipment_view: [row]})
