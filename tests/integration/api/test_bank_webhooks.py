"""Webhooks about refunds and disputes, which name the payment and not its order."""

from __future__ import annotations

import json
from collections.abc import Mapping
from uuid import uuid4

import httpx

from tests.integration.api import orders
from tests.integration.api.signing import signed_payment
from tests.support.api_client import Api


async def reference_of(api: Api, order_id: str) -> str:
    stored = await api.log.store.load_events(f"payment-{order_id}")
    return next(str(event.data["reference"]) for event in stored if "reference" in event.data)


async def send(api: Api, event_type: str, subject: Mapping[str, object]) -> httpx.Response:
    event = {"id": f"evt_{uuid4()}", "type": event_type, "data": {"object": subject}}
    raw = json.dumps(event).encode()
    secret = api.settings.payment_webhook_secret.get_secret_value()
    headers = signed_payment(raw, secret)
    return await api.http.post("/webhooks/payments", content=raw, headers=headers)


async def test_a_dispute_finds_its_order_by_its_payment_and_is_shown(api: Api) -> None:
    ada = api.viewer()
    order_id = await orders.dispatched(api, ada)
    dispute = await api.sagas.payment_simulator.happen("disputes", order_id=order_id, amount=700)

    response = await send(api, "charge.dispute.created", dispute)

    assert response.status_code == 204
    await api.sagas.until(f"payment-{order_id}", "PaymentDisputed")
    payment = (await ada.run("Order", id=order_id))["payment"]
    assert payment["disputed"] == {"amount": 700}
    assert (payment["disputeWon"], payment["disputeLost"]) == ({"amount": 0}, {"amount": 0})

    lost = await api.sagas.payment_simulator.happen(f"disputes/{dispute['id']}", status="lost")
    await send(api, "charge.dispute.closed", lost)
    await api.sagas.until(f"payment-{order_id}", "PaymentDisputeClosed")
    payment = (await ada.run("Order", id=order_id))["payment"]
    assert (payment["disputed"], payment["disputeLost"]) == ({"amount": 0}, {"amount": 700})
    assert payment["refunded"] == {"amount": 0}


async def test_a_refund_of_a_foreign_payment_is_acknowledged_and_dropped(api: Api) -> None:
    failed = {
        "id": "re_1",
        "object": "refund",
        "payment_intent": f"pi_{uuid4().hex}",
        "metadata": {},
        "status": "failed",
    }

    response = await send(api, "refund.failed", failed)

    assert response.status_code == 204
    assert api.temporal.workflow_ids == []


async def test_webhooks_that_the_log_knows_already_leave_nothing_behind(api: Api) -> None:
    order_id = await orders.dispatched(api, api.viewer())
    reference = await reference_of(api, order_id)
    labels = {"order_id": order_id, "attempt": "1"}
    intent = {"id": reference, "object": "payment_intent", "metadata": labels}
    refund = {"object": "refund", "payment_intent": reference, "status": "succeeded"}
    charge = {"object": "charge", "payment_intent": reference, "metadata": labels}
    api.temporal.workflow_ids.clear()

    known: list[tuple[str, Mapping[str, object]]] = [
        ("payment_intent.amount_capturable_updated", intent),
        ("payment_intent.succeeded", intent),
        ("charge.refund.updated", {"id": "re_1", **refund}),
        ("charge.refunded", {"id": "ch_1", "amount_refunded": 0, "currency": "eur", **charge}),
    ]
    for event_type, subject in known:
        assert (await send(api, event_type, subject)).status_code == 204

    assert f"order-{order_id}" not in api.temporal.workflow_ids
    assert f"aftercare-{order_id}" not in api.temporal.workflow_ids
