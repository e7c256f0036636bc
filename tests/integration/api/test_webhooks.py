from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from uuid import uuid4

import httpx
import pytest

from domain.provider_notifications import (
    PaymentNotification,
    PaymentNotificationKind,
    ShipmentNotification,
    ShipmentNotificationKind,
)
from domain.shipping.tracking import TrackingInfo
from providers.carrier import ReturnStatus
from providers.payment_simulator.methods import APPROVAL
from tests.integration.api import orders
from tests.integration.api.signing import signed_payment, signed_shipment
from tests.support.api_client import Api, Json, Viewer, operation
from tests.support.temporal_calls import TEMPORAL_IS_AWAY


def payment_event(event_id: str | None = None, **metadata: str) -> bytes:
    intent = {"id": "pi_1", "object": "payment_intent", "metadata": metadata}
    event = {
        "id": event_id or f"evt_{uuid4()}",
        "type": "payment_intent.payment_failed",
        "data": {"object": intent},
    }
    return json.dumps(event).encode()


async def send_payment(
    api: Api, raw: bytes, *, age: int = 0, secret: str | None = None
) -> httpx.Response:
    secret = secret or api.settings.payment_webhook_secret.get_secret_value()
    headers = signed_payment(raw, secret, age=age)
    return await api.http.post("/webhooks/payments", content=raw, headers=headers)


async def send_shipment(
    api: Api,
    status: str,
    *,
    order_id: str = "o1",
    event_id: str | None = None,
    secret: str | None = None,
) -> httpx.Response:
    data = {"id": "shp_1", "reference": order_id, "status": status}
    event = {"type": "shipment", "timestamp": datetime.now(UTC).isoformat(), "data": data}
    raw = json.dumps(event).encode()
    key = secret or api.settings.carrier_webhook_secret.get_secret_value()
    headers = signed_shipment(raw, key, event_id=event_id)
    return await api.http.post("/webhooks/shipping", content=raw, headers=headers)


async def test_a_payment_notification_reaches_its_saga(api: Api) -> None:
    response = await send_payment(api, payment_event(order_id="o1", attempt="2"))

    assert (response.status_code, response.content) == (204, b"")
    assert api.temporal.workflow_ids == ["payment-o1", "aftercare-o1"]
    assert api.temporal.signals == [PaymentNotification("o1", 2, PaymentNotificationKind.DECLINED)]


async def test_a_payment_that_the_bank_approved_confirms_its_order(api: Api) -> None:
    order_id = await api.viewer().place(paymentMethod=APPROVAL)
    await api.sagas.until_running(f"payment-{order_id}")
    (_, pending) = await api.log.store.load_events(f"payment-{order_id}")
    await api.sagas.payment_simulator.authenticate(pending.data["reference"], "approve")
    await send_payment(api, payment_event(order_id=order_id, attempt="1"))

    await api.sagas.until(f"order-{order_id}", "OrderConfirmed")


async def test_a_parcel_that_the_carrier_dispatched_ships_its_order(
    api: Api, carrier_answers: Answers
) -> None:
    order_id = await orders.waiting_for_the_carrier(api, api.viewer())
    carrier_says(carrier_answers, "dispatched")
    await send_shipment(api, "dispatched", order_id=order_id)

    await api.sagas.until(f"order-{order_id}", "OrderShipped")


async def test_a_notification_of_a_foreign_payment_is_acknowledged_and_dropped(api: Api) -> None:
    response = await send_payment(api, payment_event(cart="7"))

    assert response.status_code == 204
    assert api.temporal.signals == []


Answers = dict[str, tuple[int, object]]
SHIPMENTS, RETURNS = "GET /v1/shipments", "GET /v1/returns"


def carrier_says(answers: Answers, status: str | None, **more: str) -> None:
    """Set the carrier's answers for shipment and return of order o1; None: unknown."""
    found = {"id": "c1", "reference": "o1", "status": status, **more}
    is_return = status in set(ReturnStatus)
    answers[SHIPMENTS] = (200, {"data": [found] if status and not is_return else []})
    answers[RETURNS] = (200, {"data": [found] if status and is_return else []})


TRACKED = {
    "tracking_number": "T-1",
    "carrier": "Post",
    "tracking_url": "https://post.example/T-1",
}
SHOWN = {
    "trackingNumber": "T-1",
    "carrier": "Post",
    "trackingUrl": "https://post.example/T-1",
}


async def shipment_of(viewer: Viewer, order_id: str) -> Json:
    shown: Json = (await viewer.run("Order", id=order_id))["shipment"]
    return shown


async def test_the_tracking_number_is_null_until_the_carrier_gives_it(
    api: Api, carrier_answers: Answers
) -> None:
    ada = api.viewer()
    order_id = await orders.waiting_for_the_carrier(api, ada)
    assert await shipment_of(ada, order_id) == {"status": "CREATED", **dict.fromkeys(SHOWN)}

    carrier_says(carrier_answers, "dispatched", **TRACKED)
    await send_shipment(api, "dispatched", order_id=order_id)
    await api.sagas.until(f"order-{order_id}", "OrderShipped")

    assert await shipment_of(ada, order_id) == {"status": "DISPATCHED", **SHOWN}


async def test_a_subscriber_gets_the_tracking_number_when_the_carrier_gives_it(
    api: Api, carrier_answers: Answers
) -> None:
    ada = api.viewer()
    order_id = await orders.waiting_for_the_carrier(api, ada)
    async with ada.socket() as socket:
        await socket.subscribe(operation("OrderUpdates"), orderId=order_id)
        update = await socket.update()
        assert update["order"]["shipment"]["trackingNumber"] is None
        carrier_says(carrier_answers, "dispatched", **TRACKED)
        await send_shipment(api, "dispatched", order_id=order_id)
        while update["eventType"] != "TrackingNumberAssigned":
            update = await socket.update()

    assert update["order"]["shipment"] == {"status": "DISPATCHED", **SHOWN}


async def test_the_saga_gets_the_tracking_number_with_a_confirmed_notification(
    api: Api, carrier_answers: Answers
) -> None:
    carrier_says(carrier_answers, "dispatched", **TRACKED)

    assert (await send_shipment(api, "dispatched")).status_code == 204
    assert api.temporal.signals == [
        ShipmentNotification(
            "o1",
            ShipmentNotificationKind.DISPATCHED,
            tracking=TrackingInfo(number="T-1", carrier="Post", url="https://post.example/T-1"),
            booking=1,
        )
    ]


@pytest.mark.parametrize("notification", ShipmentNotificationKind)
async def test_a_confirmed_notification_reaches_its_saga(
    api: Api, notification: ShipmentNotificationKind, carrier_answers: Answers
) -> None:
    carrier_says(carrier_answers, notification)

    assert (await send_shipment(api, notification)).status_code == 204
    assert {*api.temporal.signals} == {ShipmentNotification("o1", notification, booking=1)}


async def test_the_saga_gets_the_carriers_current_status_and_not_the_webhooks(
    api: Api, carrier_answers: Answers
) -> None:
    carrier_says(carrier_answers, "delivered")

    assert (await send_shipment(api, "dispatched")).status_code == 204
    assert api.temporal.signals == [
        ShipmentNotification("o1", ShipmentNotificationKind.DELIVERED, booking=1)
    ]


@pytest.mark.parametrize(
    ("sent", "known"),
    [
        ("dispatched", "created"),
        ("delivered", "created"),
        ("lost", "created"),
        ("delivered", None),
        ("returned", "requested"),
        ("returned", None),
        ("returned", "delivered"),
    ],
)
async def test_a_notification_that_the_carrier_does_not_confirm_reaches_no_saga(
    api: Api, sent: str, known: str | None, carrier_answers: Answers
) -> None:
    carrier_says(carrier_answers, known)
    refused = await send_shipment(api, sent, event_id=f"msg_{sent}_{known}")
    assert api.temporal.signals == []

    carrier_says(carrier_answers, sent)
    again = await send_shipment(api, sent, event_id=f"msg_{sent}_{known}")

    assert (refused.status_code, again.status_code) == (503, 204)
    assert {*api.temporal.signals} == {
        ShipmentNotification("o1", ShipmentNotificationKind(sent), booking=1)
    }


async def test_a_notification_is_a_hint_where_the_carrier_does_not_answer(
    api: Api, carrier_answers: Answers
) -> None:
    carrier_answers[SHIPMENTS] = (500, {})

    assert (await send_shipment(api, "delivered")).status_code == 204
    assert api.temporal.signals == [
        ShipmentNotification(
            "o1", ShipmentNotificationKind.DELIVERED, is_confirmed=False, booking=1
        )
    ]


@pytest.mark.parametrize("status", ["created", "requested", "in_customs"])
async def test_a_notification_without_a_waiting_saga_is_acknowledged(api: Api, status: str) -> None:
    assert (await send_shipment(api, status)).status_code == 204

    assert api.temporal.signals == []


@pytest.mark.parametrize(
    ("age", "secret", "raw", "fault"),
    [
        (0, "whsec_other", payment_event(order_id="o1", attempt="1"), "bad_signature"),
        (400, None, payment_event(order_id="o1", attempt="1"), "too_old"),
        (0, None, b"not json", "malformed"),
    ],
)
async def test_a_payment_notification_without_a_valid_signature_is_refused(
    api: Api, age: int, secret: str | None, raw: bytes, fault: str
) -> None:
    response = await send_payment(api, raw, age=age, secret=secret)

    assert response.status_code == 400
    (error,) = response.json()["errors"]
    assert error["message"].startswith(f"webhook rejected: {fault};")
    assert error["extensions"] == {"code": "BAD_USER_INPUT"}
    assert api.temporal.signals == []


@pytest.mark.parametrize(
    ("path", "header"),
    [("payments", b"stripe-signature"), ("shipping", b"webhook-signature")],
)
async def test_a_signature_of_other_letters_is_refused(api: Api, path: str, header: bytes) -> None:
    answer = await api.http.post(
        f"/webhooks/{path}", content=b"{}", headers=[(header, "t=1,v1=é".encode())]
    )

    assert answer.status_code == 400
    assert api.temporal.signals == []


async def test_a_shipment_notification_with_a_foreign_signature_is_refused(api: Api) -> None:
    secret = f"whsec_{base64.b64encode(b'another').decode()}"

    response = await send_shipment(api, "delivered", secret=secret)

    assert response.status_code == 400
    assert api.temporal.signals == []


async def test_an_undeliverable_notification_asks_for_a_repeat(api: Api) -> None:
    api.temporal.failure = TEMPORAL_IS_AWAY

    response = await send_payment(api, payment_event(order_id="o1", attempt="1"))

    assert response.status_code == 503
    assert response.json()["errors"][0]["extensions"] == {"code": "UNAVAILABLE"}


async def test_a_repeated_notification_is_acknowledged_and_not_delivered_again(
    api: Api, carrier_answers: Answers
) -> None:
    carrier_says(carrier_answers, "delivered")
    raw = payment_event("evt_again", order_id="o1", attempt="1")
    payments = [await send_payment(api, raw) for _ in range(2)]
    parcels = [await send_shipment(api, "delivered", event_id="msg_again") for _ in range(2)]

    assert [answer.status_code for answer in (*payments, *parcels)] == [204] * 4
    assert api.temporal.signals == [
        PaymentNotification("o1", 1, PaymentNotificationKind.DECLINED),
        ShipmentNotification("o1", ShipmentNotificationKind.DELIVERED, booking=1),
    ]


async def test_a_notification_that_failed_is_delivered_when_it_is_repeated(
    api: Api,
) -> None:
    raw = payment_event("evt_later", order_id="o1", attempt="1")
    api.temporal.failure = TEMPORAL_IS_AWAY
    away = await send_payment(api, raw)
    api.temporal.failure = None
    back = await send_payment(api, raw)

    assert (away.status_code, back.status_code) == (503, 204)
    assert api.temporal.signals == [PaymentNotification("o1", 1, PaymentNotificationKind.DECLINED)]


async def test_a_notification_with_an_invalid_signature_is_not_stored(api: Api) -> None:
    raw = payment_event("evt_forged", order_id="o1", attempt="1")
    forged = await send_payment(api, raw, secret="whsec_other")  # noqa: S106 - no provider's
    true = await send_payment(api, raw)

    assert (forged.status_code, true.status_code) == (400, 204)
    assert api.temporal.signals == [PaymentNotification("o1", 1, PaymentNotificationKind.DECLINED)]
