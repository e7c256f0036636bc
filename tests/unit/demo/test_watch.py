from __future__ import annotations

from typing import Any

import pytest

from demo.watch import lines

AT = "2026-03-01T10:00:00+00:00"


def update(event: str | None, **changes: object) -> dict[str, Any]:
    order = {
        "id": "o-1",
        "status": "SHIPPED",
        "updatedAt": AT,
        "payment": {"status": "CAPTURED", "actionUrl": None},
        "shipment": {"status": "DISPATCHED"},
        "needsAttention": False,
        "backordered": False,
        "returnRequested": False,
        "promises": {"returnWindow": "P30D"},
    }
    return {"eventType": event, "order": order | changes}


def test_a_line_names_the_event_that_changed_the_order() -> None:
    assert list(lines(update("PaymentCaptured"))) == [
        f"{AT}  PaymentCaptured         SHIPPED     payment CAPTURED, shipment DISPATCHED"
    ]


def test_the_first_line_has_no_event() -> None:
    placed = update(None, status="PLACED", payment=None, shipment=None)
    assert list(lines(placed)) == [
        f"{AT}  (now)                   PLACED      payment -, shipment -"
    ]


@pytest.mark.parametrize(
    ("carrier", "url", "said"),
    [
        (None, None, "T-1"),
        ("Post", "https://post.example/T-1", "T-1, Post, https://post.example/T-1"),
    ],
)
def test_a_tracking_number_is_said_when_the_carrier_gives_it(
    carrier: str | None, url: str | None, said: str
) -> None:
    tracked = {"trackingNumber": "T-1", "carrier": carrier, "trackingUrl": url}
    shipment = {"status": "DISPATCHED", **tracked}

    _, more = lines(update("TrackingNumberAssigned", shipment=shipment))

    assert more == f"  The parcel can be tracked: {said}"
    assert len(list(lines(update("PaymentCaptured", shipment=shipment)))) == 1


@pytest.mark.parametrize("event", ["OrderDelivered", None])
def test_a_delivered_order_says_until_when_it_can_be_returned(event: str | None) -> None:
    _, more = lines(update(event, status="DELIVERED"))
    assert more.startswith("  It can be returned until about 2026-03-31 10:00:00 UTC ")


def test_the_return_window_is_said_once() -> None:
    assert len(list(lines(update("ShipmentDelivered", status="DELIVERED")))) == 1


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"needsAttention": True}, "Its saga is parked"),
        ({"backordered": True}, "It waits for stock."),
        ({"payment": {"status": "PENDING", "actionUrl": "http://bank"}}, "payment: http://bank"),
    ],
)
def test_what_an_order_waits_for_is_said(changes: dict[str, object], said: str) -> None:
    _, more = lines(update("OrderReserved", **changes))
    assert said in more
