from __future__ import annotations

from uuid import uuid4

import pytest

from domain.money import Money
from domain.order.events import OrderAuthorized, OrderConfirmed, OrderReserved, OrderShipped
from domain.payment.events import PaymentDeclined, PaymentRequested
from tests.integration.api.client import Api, Json, Viewer, operation
from tests.integration.api.inputs import an_order
from workflows.orchestrator import NoSuchSaga


@pytest.fixture
def ada(api: Api) -> Viewer:
    return api.viewer()


@pytest.fixture
async def order_id(ada: Viewer) -> str:
    order: Json = (await ada.run("PlaceOrder", input=an_order()))["order"]
    return str(order["id"])


def key(**more: object) -> dict[str, object]:
    return {"idempotencyKey": str(uuid4()), **more}


def codes(payload: Json) -> list[tuple[str, list[str] | None]]:
    return [(error["code"], error["field"]) for error in payload["userErrors"]]


async def test_a_customer_cancels_their_order(api: Api, ada: Viewer, order_id: str) -> None:
    payload = await ada.run("CancelOrder", input=key(orderId=order_id))

    assert payload["userErrors"] == []
    assert payload["order"]["status"] == "CANCELLING"
    assert payload["order"]["reason"] == "CUSTOMER_REQUEST"
    assert payload["position"] == payload["order"]["position"]
    assert api.orchestrator.actors[-1] == f"customer:{ada.sub}"


async def test_an_operator_cancels_anybodys_order(api: Api, order_id: str) -> None:
    payload = await api.viewer("operator").run("CancelOrder", input=key(orderId=order_id))

    assert payload["order"]["reason"] == "OPERATOR_REQUEST"


async def test_cancelling_again_changes_nothing(api: Api, ada: Viewer, order_id: str) -> None:
    request = key(orderId=order_id)
    first = await ada.run("CancelOrder", input=request)
    again = await ada.run("CancelOrder", input=request)
    api.orchestrator.failure = NoSuchSaga()
    after_the_end = await ada.run("CancelOrder", input=request)

    assert first == again == after_the_end
    assert await api.events_of(order_id) == ["OrderCreated", "OrderCancellationRequested"]


async def test_anothers_order_cannot_be_cancelled_nor_known(api: Api, order_id: str) -> None:
    stranger = api.viewer()
    anothers = await stranger.run("CancelOrder", input=key(orderId=order_id))
    none = await stranger.run("CancelOrder", input=key(orderId=str(uuid4())))

    assert codes(anothers) == [("NOT_FOUND", ["input", "orderId"])]
    assert anothers == none
    assert await api.events_of(order_id) == ["OrderCreated"]


async def test_what_has_shipped_cannot_be_cancelled(api: Api, ada: Viewer, order_id: str) -> None:
    way = (OrderReserved, OrderAuthorized, OrderConfirmed, OrderShipped)
    await api.log.append(f"order-{order_id}", *(step(order_id=order_id) for step in way))
    refused = await ada.run("CancelOrder", input=key(orderId=order_id))
    api.orchestrator.failure = NoSuchSaga()
    ended = await ada.run("CancelOrder", input=key(orderId=order_id))

    assert codes(refused) == codes(ended) == [("ORDER_NOT_CANCELLABLE", None)]
    assert (refused["order"], ended["order"]) == (None, None)
    assert len(await api.events_of(order_id)) == 5


async def test_a_bad_key_is_refused_by_every_mutation(api: Api, ada: Viewer, order_id: str) -> None:
    bad = {"idempotencyKey": "not a key"}
    cancel = await ada.run("CancelOrder", input=bad | {"orderId": order_id})
    retry = await ada.run("RetryPayment", input=bad | {"orderId": order_id, "paymentMethod": "pm"})
    stock = bad | {"sku": "mug", "quantity": 1}
    receive = await api.viewer("operator").run("ReceiveStock", input=stock)

    fault = [("INVALID_INPUT", ["input", "idempotencyKey"])]
    assert codes(cancel) == codes(retry) == codes(receive) == fault
    assert await api.events_of(order_id) == ["OrderCreated"]


async def declined(api: Api, order_id: str) -> None:
    amount = Money(amount=500, currency="EUR")
    await api.log.append(
        f"payment-{order_id}",
        PaymentRequested(order_id=order_id, attempt=1, amount=amount, method="pm_no"),
        PaymentDeclined(order_id=order_id, attempt=1, reference="pi_1", code="card_declined"),
    )


async def test_a_declined_payment_is_tried_with_another_method(
    api: Api, ada: Viewer, order_id: str
) -> None:
    await declined(api, order_id)

    request = key(orderId=order_id, paymentMethod="pm_card_visa")
    payload = await ada.run("RetryPayment", input=request)

    assert payload["userErrors"] == []
    payment = payload["order"]["payment"]
    assert (payment["status"], payment["attempt"]) == ("REQUESTED", 2)
    assert payload["position"] == payload["order"]["position"]


async def test_a_retry_that_is_repeated_gets_its_first_answer_whatever_has_come_of_it_since(
    api: Api, ada: Viewer, order_id: str
) -> None:
    await declined(api, order_id)
    request = key(orderId=order_id, paymentMethod="pm_card_visa")
    first = await ada.run("RetryPayment", input=request)
    await api.log.append(
        f"payment-{order_id}",
        PaymentDeclined(order_id=order_id, attempt=2, reference="pi_2", code="card_declined"),
    )

    again = await ada.ask(operation("RetryPayment"), input=request)
    other = await ada.run("RetryPayment", input=request | {"paymentMethod": "pm_another"})

    payload = again["data"]["retryPayment"]
    assert (payload["position"], payload["userErrors"]) == (first["position"], [])
    assert again["extensions"]["idempotency"] == {"replayed": True}
    assert codes(other) == [("IDEMPOTENCY_KEY_REUSED", ["input", "idempotencyKey"])]
    stored = await api.log.store.load_events(f"payment-{order_id}")
    assert [event.type for event in stored].count("PaymentRequested") == 2


async def test_a_payment_that_waits_for_nothing_is_not_retryable(
    ada: Viewer, order_id: str
) -> None:
    request = key(orderId=order_id, paymentMethod="pm_card_visa")

    payload = await ada.run("RetryPayment", input=request)

    assert codes(payload) == [("PAYMENT_NOT_RETRYABLE", None)]


async def test_anothers_payment_is_not_found(api: Api, order_id: str) -> None:
    request = key(orderId=order_id, paymentMethod="pm_card_visa")

    payload = await api.viewer().run("RetryPayment", input=request)

    assert codes(payload) == [("NOT_FOUND", ["input", "orderId"])]


async def test_a_payment_method_that_is_none_is_refused(ada: Viewer, order_id: str) -> None:
    payload = await ada.run("RetryPayment", input=key(orderId=order_id, paymentMethod="4242 42"))

    assert codes(payload) == [("INVALID_INPUT", ["input", "paymentMethod"])]


async def test_stock_that_is_received_can_be_sold(api: Api) -> None:
    await api.log.list_product("bowl")
    operator = api.viewer("operator")

    payload = await operator.run("ReceiveStock", input=key(sku="bowl", quantity=30))

    assert payload["product"] == {"sku": "bowl", "available": 30}
    assert payload["position"] is not None
    assert api.orchestrator.actors == [f"operator:{operator.sub}"]


async def test_stock_is_for_staff_to_receive(api: Api, ada: Viewer) -> None:
    answer = await ada.ask(operation("ReceiveStock"), input=key(sku="mug", quantity=30))

    assert answer["data"] is None
    assert answer["errors"][0]["extensions"] == {"code": "FORBIDDEN"}
    assert api.orchestrator.actors == []


async def test_faulty_stock_is_refused_and_none_received(api: Api) -> None:
    operator = api.viewer("operator")

    nothing = await operator.run("ReceiveStock", input=key(sku="nothing", quantity=0))
    too_many = await operator.run("ReceiveStock", input=key(sku="mug", quantity=1_000_001))

    assert codes(nothing) == [
        ("INVALID_QUANTITY", ["input", "quantity"]),
        ("UNKNOWN_SKU", ["input", "sku"]),
    ]
    assert codes(too_many) == [("INVALID_QUANTITY", ["input", "quantity"])]
    assert api.orchestrator.actors == []
