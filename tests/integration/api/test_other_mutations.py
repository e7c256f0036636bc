from __future__ import annotations

import asyncio
from uuid import uuid4

import pytest

from activities.types.command import RunCommandInput
from eventstore.envelope import StoredEvent
from providers.payment_simulator.methods import DECLINED, VISA
from tests.integration.api.orders import declined, dispatched, waiting_for_stock
from tests.support.api_client import Api, Json, Viewer, operation
from tests.support.gates import When


@pytest.fixture
def ada(api: Api) -> Viewer:
    return api.viewer()


@pytest.fixture
async def order_id(ada: Viewer, api: Api) -> str:
    """The id of an order that waits for stock."""
    order_id = await waiting_for_stock(ada)
    api.temporal.forget()
    return order_id


def key(**more: object) -> dict[str, object]:
    return {"idempotencyKey": str(uuid4()), **more}


def codes(payload: Json) -> list[tuple[str, list[str] | None]]:
    return [(error["code"], error["field"]) for error in payload["userErrors"]]


async def test_a_customer_cancels_their_order(api: Api, ada: Viewer, order_id: str) -> None:
    payload = await ada.run("CancelOrder", input=key(orderId=order_id))

    assert payload["userErrors"] == []
    assert payload["order"]["status"] in {"CANCELLING", "CANCELLED"}
    assert payload["order"]["reason"] == "CUSTOMER_REQUEST"
    assert await api.sagas.end(order_id) == "CANCELLED"
    _, requested, _ = await api.log.store.load_events(f"order-{order_id}")
    assert requested.metadata.actor == f"customer:{ada.sub}"
    assert api.number(payload["position"]) == requested.position


async def test_an_operator_cancels_any_order(api: Api, order_id: str) -> None:
    payload = await api.viewer("operator").run("CancelOrder", input=key(orderId=order_id))

    assert payload["order"]["reason"] == "OPERATOR_REQUEST"
    assert await api.sagas.end(order_id) == "CANCELLED"


async def test_cancelling_again_changes_nothing(api: Api, ada: Viewer, order_id: str) -> None:
    request = key(orderId=order_id)
    payloads = [await ada.run("CancelOrder", input=request) for _ in range(2)]
    await api.sagas.end(order_id)
    payloads.append(await ada.run("CancelOrder", input=request))

    assert [payload["userErrors"] for payload in payloads] == [[], [], []]
    assert payloads[-1]["order"]["status"] == "CANCELLED"
    assert await api.events_of(order_id) == [
        "OrderCreated",
        "OrderCancellationRequested",
        "OrderCancelled",
    ]


async def test_anothers_order_cannot_be_cancelled_nor_known(api: Api, order_id: str) -> None:
    stranger = api.viewer()
    anothers = await stranger.run("CancelOrder", input=key(orderId=order_id))
    none = await stranger.run("CancelOrder", input=key(orderId=str(uuid4())))

    assert codes(anothers) == [("NOT_FOUND", ["input", "orderId"])]
    assert anothers == none
    assert api.temporal.workflow_ids == []
    assert await api.events_of(order_id) == ["OrderCreated"]


async def test_a_shipped_order_cannot_be_cancelled(api: Api, ada: Viewer) -> None:
    order_id = await dispatched(api, ada)
    before = await api.events_of(order_id)
    refused = await ada.run("CancelOrder", input=key(orderId=order_id))
    await api.sagas.terminate(order_id)
    ended = await ada.run("CancelOrder", input=key(orderId=order_id))

    assert codes(refused) == codes(ended) == [("ORDER_NOT_CANCELLABLE", None)]
    assert (refused["order"], ended["order"]) == (None, None)
    assert before[-1] == "OrderShipped"
    assert await api.events_of(order_id) == before


async def test_a_bad_key_is_refused_by_every_mutation(api: Api, ada: Viewer, order_id: str) -> None:
    bad = {"idempotencyKey": "not a key"}
    cancel = await ada.run("CancelOrder", input=bad | {"orderId": order_id})
    retry = await ada.run("RetryPayment", input=bad | {"orderId": order_id, "paymentMethod": "pm"})
    stock = bad | {"sku": "mug", "quantity": 1}
    receive = await api.viewer("operator").run("ReceiveStock", input=stock)

    fault = [("INVALID_INPUT", ["input", "idempotencyKey"])]
    assert codes(cancel) == codes(retry) == codes(receive) == fault
    assert api.temporal.workflow_ids == []
    assert await api.events_of(order_id) == ["OrderCreated"]


@pytest.fixture
async def declined_id(api: Api, ada: Viewer) -> str:
    order_id = await declined(api, ada)
    api.temporal.forget()
    return order_id


async def test_a_declined_payment_is_tried_with_another_method(
    api: Api, ada: Viewer, declined_id: str
) -> None:
    request = key(orderId=declined_id, paymentMethod=VISA)
    async with api.sagas.gates.stopped("authorize_again", declined_id, When.BEFORE):
        payload = await ada.run("RetryPayment", input=request)

    assert payload["userErrors"] == []
    payment = payload["order"]["payment"]
    assert (payment["status"], payment["attempt"]) == ("REQUESTED", 2)
    *_, confirmed = await api.sagas.until(f"order-{declined_id}", "OrderConfirmed")
    assert confirmed == "OrderConfirmed"
    requested = await attempts(api, declined_id)
    assert [event.data["method"] for event in requested] == [DECLINED, VISA]
    assert requested[-1].metadata.actor == f"customer:{ada.sub}"
    assert api.number(payload["position"]) == requested[-1].position


async def test_a_repeated_retry_gets_its_first_answer(
    api: Api, ada: Viewer, declined_id: str
) -> None:
    request = key(orderId=declined_id, paymentMethod=DECLINED)
    first = await ada.run("RetryPayment", input=request)
    await api.sagas.until(f"payment-{declined_id}", "PaymentDeclined", times=2)

    again = await ada.ask(operation("RetryPayment"), input=request)
    other = await ada.run("RetryPayment", input=request | {"paymentMethod": "pm_another"})

    payload = again["data"]["retryPayment"]
    assert (payload["position"], payload["userErrors"]) == (first["position"], [])
    assert again["extensions"]["idempotency"] == {"replayed": True}
    assert codes(other) == [("IDEMPOTENCY_KEY_REUSED", ["input", "idempotencyKey"])]
    assert len(await attempts(api, declined_id)) == 2


async def test_two_equal_retries_at_once_are_one_attempt(
    api: Api, ada: Viewer, declined_id: str
) -> None:
    """Both requests ask Temporal: neither could find the other's attempt in the log."""
    request = key(orderId=declined_id, paymentMethod=DECLINED)
    async with (
        api.sagas.gates.stopped("authorize_again", declined_id, When.BEFORE),
        api.temporal.meeting(2),
    ):
        first, second = await asyncio.gather(
            *(ada.run("RetryPayment", input=request) for _ in range(2))
        )

    assert (first["userErrors"], second["userErrors"]) == ([], [])
    assert first["position"] == second["position"]
    assert len(await attempts(api, declined_id)) == 2


async def attempts(api: Api, order_id: str) -> list[StoredEvent]:
    stored = await api.log.store.load_events(f"payment-{order_id}")
    return [event for event in stored if event.type == "PaymentRequested"]


async def test_a_payment_that_waits_for_nothing_is_not_retryable(
    api: Api, ada: Viewer, order_id: str
) -> None:
    payload = await ada.run("RetryPayment", input=key(orderId=order_id, paymentMethod=VISA))

    assert codes(payload) == [("PAYMENT_NOT_RETRYABLE", None)]
    assert await attempts(api, order_id) == []


async def test_anothers_payment_is_not_found(api: Api, declined_id: str) -> None:
    request = key(orderId=declined_id, paymentMethod=VISA)

    payload = await api.viewer().run("RetryPayment", input=request)

    assert codes(payload) == [("NOT_FOUND", ["input", "orderId"])]
    assert api.temporal.workflow_ids == []
    assert len(await attempts(api, declined_id)) == 1


async def test_an_invalid_payment_method_is_refused(ada: Viewer, order_id: str) -> None:
    payload = await ada.run("RetryPayment", input=key(orderId=order_id, paymentMethod="4242 42"))

    assert codes(payload) == [("INVALID_INPUT", ["input", "paymentMethod"])]


@pytest.fixture
async def sku(api: Api) -> str:
    """The SKU of a product that is not in stock."""
    sku = f"bowl-{uuid4()}"
    await api.log.list_product(sku)
    return sku


async def test_stock_that_is_received_can_be_sold(api: Api, sku: str) -> None:
    operator = api.viewer("operator")

    payload = await operator.run("ReceiveStock", input=key(sku=sku, quantity=30))

    assert payload["product"] == {"sku": sku, "available": 30}
    (received,) = await api.log.store.load_events(f"inventory-{sku}")
    assert api.number(payload["position"]) == received.position
    assert received.metadata.actor == f"operator:{operator.sub}"


async def test_a_receipt_sent_again_is_received_once(api: Api, sku: str) -> None:
    operator, request = api.viewer("operator"), key(sku=sku, quantity=30)
    first, again = [await operator.run("ReceiveStock", input=request) for _ in range(2)]

    assert first == again
    assert await api.events_of(sku, "inventory") == ["StockReceived"]


async def test_a_receipt_whose_activity_runs_twice_is_received_once(api: Api, sku: str) -> None:
    """This happens when a worker dies before Temporal learns of the first attempt."""
    request = key(sku=sku, quantity=30)
    payload = await api.viewer("operator").run("ReceiveStock", input=request)
    (workflow_id,) = api.temporal.workflow_ids
    (command,) = await api.sagas.input_of(workflow_id, RunCommandInput)

    again = await api.sagas.attempt_in(workflow_id, "run_command", command)

    assert again.recorded.position == api.number(payload["position"])
    assert await api.events_of(sku, "inventory") == ["StockReceived"]


async def test_two_receipts_under_two_keys_are_both_received(api: Api, sku: str) -> None:
    operator = api.viewer("operator")
    for key_ in ("one", "two"):
        request = key(sku=sku, quantity=30, idempotencyKey=key_)
        payload = await operator.run("ReceiveStock", input=request)

    assert payload["product"]["available"] == 60
    assert await api.events_of(sku, "inventory") == ["StockReceived"] * 2


async def test_the_same_key_of_two_operators_means_two_receipts(api: Api, sku: str) -> None:
    request = key(sku=sku, quantity=30)
    for operator in (api.viewer("operator"), api.viewer("operator")):
        payload = await operator.run("ReceiveStock", input=request)

    assert payload["product"]["available"] == 60


async def test_a_key_identifies_one_receipt(api: Api, sku: str) -> None:
    operator, request = api.viewer("operator"), key(sku=sku, quantity=30)
    await operator.run("ReceiveStock", input=request)
    other = await operator.run("ReceiveStock", input=request | {"quantity": 31})

    assert codes(other) == [("IDEMPOTENCY_KEY_REUSED", ["input", "idempotencyKey"])]
    assert await api.events_of(sku, "inventory") == ["StockReceived"]


async def test_stock_is_for_staff_to_receive(api: Api, ada: Viewer) -> None:
    answer = await ada.ask(operation("ReceiveStock"), input=key(sku="mug", quantity=30))

    assert answer["data"] is None
    assert answer["errors"][0]["extensions"] == {"code": "FORBIDDEN"}
    assert api.temporal.workflow_ids == []


async def test_invalid_stock_is_refused_and_not_received(api: Api) -> None:
    operator = api.viewer("operator")

    nothing = await operator.run("ReceiveStock", input=key(sku="nothing", quantity=0))
    too_many = await operator.run("ReceiveStock", input=key(sku="mug", quantity=1_000_001))

    assert codes(nothing) == [
        ("UNKNOWN_SKU", ["input", "sku"]),
        ("INVALID_QUANTITY", ["input", "quantity"]),
    ]
    assert codes(too_many) == [("INVALID_QUANTITY", ["input", "quantity"])]
    assert api.temporal.workflow_ids == []
