"""A customer acts on an order whose workflow an operator has terminated, or which is deaf."""

from __future__ import annotations

from typing import Final
from uuid import uuid4

import pytest
from temporalio.api.enums.v1 import EventType

from api.rate_limit import RateLimiter
from domain.provider_notifications import ShipmentNotificationKind
from providers.payment_simulator.methods import VISA
from tests.integration.api import orders
from tests.support.api_client import Api, Json, Viewer, operation

ACCEPTED: Final = EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED
REFUSALS: Final = 200
"""None of them reaches the workflow. So no number does, although Temporal accepts 2,000 updates
in its life."""
AT_ONCE: Final = 20


@pytest.fixture
def ada(api: Api) -> Viewer:
    return api.viewer()


def keyed(**given: object) -> Json:
    return {"idempotencyKey": str(uuid4()), **given}


def codes(payload: Json) -> list[str]:
    return [error["code"] for error in payload["userErrors"]]


def many_returns(order_id: str) -> str:
    """Return a document that asks for the return of the order AT_ONCE times, under new keys."""
    fields = "".join(
        f'r{number}: requestReturn(input: {{idempotencyKey: "{uuid4()}", orderId: "{order_id}"}})'
        " { userErrors { code } }"
        for number in range(AT_ONCE)
    )
    return f"mutation {{ {fields} }}"


async def updates_of(api: Api, order_id: str) -> int:
    history = await api.sagas.workflow(order_id).fetch_history()
    return sum(event.event_type == ACCEPTED for event in history.events)


async def test_refused_returns_do_not_keep_an_order_from_its_cancellation(
    api: Api, ada: Viewer
) -> None:
    order_id = await orders.waiting_for_the_carrier(api, ada)
    for _ in range(REFUSALS // AT_ONCE):
        refused = (await ada.ask(many_returns(order_id)))["data"].values()
        assert [codes(payload) for payload in refused] == [["RETURN_NOT_POSSIBLE"]] * AT_ONCE

    cancelled = await ada.run("CancelOrder", input=keyed(orderId=order_id))

    assert (cancelled["userErrors"], cancelled["order"]["status"]) == ([], "CANCELLING")
    assert await updates_of(api, order_id) == 2  # the placement and the cancellation
    assert await api.sagas.end(order_id) == "CANCELLED"
    assert await api.sagas.money(order_id) == {"authorized": (1, 500), "voided": (1, 500)}


async def test_cancellations_of_a_cancelled_order_never_reach_its_workflow(
    api: Api, ada: Viewer
) -> None:
    order_id = await orders.dispatched(api, ada)
    before = await updates_of(api, order_id)

    answers = [await ada.run("CancelOrder", input=keyed(orderId=order_id)) for _ in range(5)]

    assert [codes(answer) for answer in answers] == [["ORDER_NOT_CANCELLABLE"]] * 5
    assert await updates_of(api, order_id) == before


async def test_a_customer_asks_sagas_for_a_limited_number_of_changes(
    api: Api, ada: Viewer, monkeypatch: pytest.MonkeyPatch
) -> None:
    order_id = await orders.waiting_for_the_carrier(api, ada)
    other = await orders.waiting_for_stock(ada)
    limits = api.rate_limits
    once = RateLimiter(0.001, burst_seconds=1.0)  # one request, and the next much later
    monkeypatch.setitem(limits.__dict__, "saga_requests", once)
    first = await ada.run("CancelOrder", input=keyed(orderId=order_id))
    second = await ada.ask(operation("CancelOrder"), input=keyed(orderId=other))

    assert first["userErrors"] == []
    assert second["errors"][0]["extensions"] == {"code": "RATE_LIMITED"}
    assert "OrderCancellationRequested" not in await api.events_of(other)


async def test_an_order_without_its_workflow_is_cancelled(api: Api, ada: Viewer) -> None:
    order_id = await orders.waiting_for_the_carrier(api, ada)
    await api.sagas.terminate(order_id)

    cancelled = await ada.run("CancelOrder", input=keyed(orderId=order_id))

    assert (cancelled["userErrors"], cancelled["order"]["status"]) == ([], "CANCELLING")
    assert await api.sagas.end(order_id) == "CANCELLED"
    assert await api.sagas.money(order_id) == {"authorized": (1, 500), "voided": (1, 500)}
    assert (await api.events_of(order_id)).count("OrderCancellationRequested") == 1


async def test_an_order_without_its_workflow_is_returned(api: Api, ada: Viewer) -> None:
    order_id = await orders.delivered(api, ada)
    await api.sagas.terminate(order_id)

    requested = await ada.run("RequestReturn", input=keyed(orderId=order_id))
    await api.sagas.until(f"shipment-{order_id}", "ShipmentReturnRequested")
    await api.sagas.notify(order_id, ShipmentNotificationKind.RETURNED)

    assert (requested["userErrors"], requested["order"]["returnRequested"]) == ([], True)
    assert await api.sagas.end(order_id) == "RETURNED"
    assert (await api.sagas.money(order_id))["refunded"] == (1, 500)


@pytest.mark.parametrize("lost", ["order", "payment"])
async def test_a_payment_without_its_workflow_is_retried(api: Api, ada: Viewer, lost: str) -> None:
    order_id = await orders.declined(api, ada)
    await api.sagas.client.get_workflow_handle(f"{lost}-{order_id}").terminate()
    request = keyed(orderId=order_id, paymentMethod=VISA)

    answer = await ada.ask(operation("RetryPayment"), input=request)
    while "errors" in answer:  # its window opens when the saga has looked the payment up
        assert answer["errors"][0]["extensions"]["code"] in {"UNAVAILABLE", "OUTCOME_UNKNOWN"}
        answer = await ada.ask(operation("RetryPayment"), input=request)

    assert answer["data"]["retryPayment"]["userErrors"] == []
    await api.sagas.until(f"payment-{order_id}", "PaymentAuthorized")
    assert (await api.sagas.money(order_id))["authorized"] == (1, 500)


async def test_an_order_that_has_ended_keeps_its_final_answer(api: Api, ada: Viewer) -> None:
    order_id = await orders.waiting_for_the_carrier(api, ada)
    await ada.run("CancelOrder", input=keyed(orderId=order_id))
    assert await api.sagas.end(order_id) == "CANCELLED"
    api.temporal.forget()

    again = await ada.run("CancelOrder", input=keyed(orderId=order_id))
    returned = await ada.run("RequestReturn", input=keyed(orderId=order_id))

    assert (again["userErrors"], again["order"]["status"]) == ([], "CANCELLED")
    assert codes(returned) == ["RETURN_NOT_POSSIBLE"]
    assert api.temporal.workflow_ids == []
