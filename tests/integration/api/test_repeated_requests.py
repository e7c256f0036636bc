"""A client repeats a request in other circumstances: another person, another channel, a fault."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from uuid import uuid4

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from domain.ids import order_id_for
from domain.payment.attempts import MAX_ATTEMPTS
from kit.eventually import eventually
from providers.payment_simulator.methods import DECLINED, VISA
from tests.integration.api import orders
from tests.support.api_client import Api, Json, Viewer, operation
from tests.support.api_inputs import a_waiting_order, line
from tests.support.gates import When

STOCK = """
    mutation($input: ReceiveStockInput!) {
      receiveStock(input: $input) { position replayed userErrors { code message field } }
    }
"""
CANCEL = """
    mutation($input: CancelOrderInput!) {
      cancelOrder(input: $input) { replayed userErrors { code } }
    }
"""
LIST = """
    mutation($input: ListProductInput!) {
      listProduct(input: $input) { replayed userErrors { code } }
    }
"""


@pytest.fixture
def ada(api: Api) -> Viewer:
    return api.viewer()


@pytest.fixture
def olga(api: Api) -> Viewer:
    return api.viewer("operator")


@pytest.fixture
async def sku(api: Api) -> str:
    sku = f"sku-{uuid4().hex[:12]}"
    await api.log.list_product(sku, name="Thing", price=250)
    return sku


def keyed(key: str | None = None, **given: object) -> Json:
    return {"idempotencyKey": key or str(uuid4()), **given}


def codes(payload: Json) -> list[tuple[str, list[str] | None]]:
    return [(error["code"], error["field"]) for error in payload["userErrors"]]


# The key.


@pytest.mark.parametrize("begin", ["-", "_", ".", ":"])
async def test_a_key_may_begin_with_any_of_its_characters(
    api: Api, ada: Viewer, olga: Viewer, sku: str, begin: str
) -> None:
    key = f"{begin}{uuid4()}"
    placed = await ada.run("PlaceOrder", input=a_waiting_order(idempotencyKey=key))
    order_id = placed["order"]["id"]

    noted = await olga.run("AddOrderNote", input=keyed(key, orderId=order_id, text="one"))
    received = await olga.run("ReceiveStock", input=keyed(key, sku=sku, quantity=1))
    retried = await ada.run("RetryPayment", input=keyed(key, orderId=order_id, paymentMethod=VISA))
    cancelled = await ada.run("CancelOrder", input=keyed(key, orderId=order_id))

    accepted = (placed, noted, received, cancelled)
    assert [payload["userErrors"] for payload in accepted] == [[], [], [], []]
    assert codes(retried) == [("PAYMENT_NOT_RETRYABLE", None)]
    assert await api.sagas.end(order_id) == "CANCELLED"


async def test_a_key_is_another_one_in_upper_case(ada: Viewer) -> None:
    key = uuid4().hex

    placed = [
        await ada.place(**a_waiting_order(idempotencyKey=each)) for each in (key, key.upper())
    ]

    assert placed[0] != placed[1]


# The same state, asked for under another key.


async def test_an_operator_who_cancels_a_cancelled_order_repeats_its_customer(
    api: Api, ada: Viewer, olga: Viewer
) -> None:
    request = keyed(orderId=await orders.waiting_for_stock(ada))

    answers = [await viewer.ask(CANCEL, input=request) for viewer in (ada, olga, ada, olga)]

    assert [answer["data"]["cancelOrder"]["replayed"] for answer in answers] == [
        *(False, True),
        *(True, True),
    ]
    assert (await api.events_of(request["orderId"])).count("OrderCancellationRequested") == 1


async def test_a_listing_that_changes_nothing_repeats_the_listing_before_it(
    api: Api, sku: str
) -> None:
    anna, price = api.viewer("admin"), {"amount": 250, "currency": "EUR"}
    listing: Json = {"sku": sku, "name": "Thing", "price": price}

    same = await anna.ask(LIST, input=keyed(**listing))
    other = await anna.ask(LIST, input=keyed(**listing | {"name": "Other"}))

    assert same["data"]["listProduct"] == {"replayed": True, "userErrors": []}
    assert other["data"]["listProduct"] == {"replayed": False, "userErrors": []}


async def test_one_of_two_returns_of_other_goods_at_the_same_moment_is_granted(
    api: Api, ada: Viewer
) -> None:
    order_id = await orders.delivered(api, ada)

    async with api.temporal.meeting(2):
        payloads = await asyncio.gather(
            *(
                ada.run("RequestReturn", input=keyed(orderId=order_id, lines=[line("mug", pieces)]))
                for pieces in (1, 2)
            )
        )

    assert sorted(map(codes, payloads)) == [[], [("RETURN_NOT_POSSIBLE", None)]]
    assert (await api.events_of(order_id)).count("OrderReturnRequested") == 1


# Another channel.


async def test_a_repeat_over_a_socket_says_so(olga: Viewer, sku: str) -> None:
    request = keyed(sku=sku, quantity=5)
    first = await olga.ask(STOCK, input=request)

    async with olga.socket() as socket:
        await socket.subscribe(STOCK, input=request)
        again = (await socket.receive())["payload"]

    received = first["data"]["receiveStock"]
    assert again["data"]["receiveStock"] == received | {"replayed": True}
    assert again["extensions"]["idempotency"] == {"replayed": True}


# A fault.


async def test_a_command_whose_workflow_was_lost_has_an_unknown_outcome(
    api: Api, olga: Viewer, sku: str
) -> None:
    request = keyed(sku=sku, quantity=5)
    api.temporal.failure = RPCError("workflow not found", RPCStatusCode.NOT_FOUND, b"")

    lost = await olga.ask(STOCK, input=request)
    api.temporal.forget()
    again = await olga.ask(STOCK, input=request)

    assert [error["extensions"] for error in lost["errors"]] == [{"code": "OUTCOME_UNKNOWN"}]
    assert again["data"]["receiveStock"]["userErrors"] == []
    assert await api.sagas.events(f"inventory-{sku}") == ["StockReceived"]


async def test_an_order_whose_workflow_was_terminated_before_its_record_is_placed_by_a_repeat(
    api: Api, ada: Viewer
) -> None:
    order = a_waiting_order()
    order_id = order_id_for(ada.sub, order["idempotencyKey"])
    async with api.sagas.gates.stopped("place", order_id, When.BEFORE) as gate:
        first = asyncio.create_task(ada.ask(operation("PlaceOrder"), input=order))
        await gate.reached()
        await api.sagas.terminate(order_id)
        lost = await first
        placed = await ada.run("PlaceOrder", input=order)

    assert [error["extensions"] for error in lost["errors"]] == [{"code": "OUTCOME_UNKNOWN"}]
    assert (placed["userErrors"], placed["order"]["id"]) == ([], order_id)
    assert (await api.events_of(order_id)).count("OrderCreated") == 1


# A payment that takes no other method.


async def test_a_payment_that_waits_for_nothing_asks_no_workflow(api: Api, ada: Viewer) -> None:
    waiting, delivered = await orders.waiting_for_stock(ada), await orders.delivered(api, ada)
    api.temporal.forget()

    refused = [
        await ada.run("RetryPayment", input=keyed(orderId=order_id, paymentMethod=VISA))
        for order_id in (waiting, delivered)
    ]

    assert [codes(payload) for payload in refused] == [[("PAYMENT_NOT_RETRYABLE", None)]] * 2
    assert api.temporal.workflow_ids == []


async def test_an_attempt_after_the_last_one_asks_no_workflow(api: Api, ada: Viewer) -> None:
    order_id = await orders.declined(api, ada)
    for number in range(2, MAX_ATTEMPTS + 1):
        request = keyed(orderId=order_id, paymentMethod=DECLINED)
        assert (await ada.run("RetryPayment", input=request))["userErrors"] == []
        await api.sagas.until(f"payment-{order_id}", "PaymentDeclined", times=number)
    api.temporal.forget()

    refused = await ada.run("RetryPayment", input=keyed(orderId=order_id, paymentMethod=VISA))

    (error,) = refused["userErrors"]
    assert error["code"] == "PAYMENT_NOT_RETRYABLE"
    assert error["message"] == (
        f"order {order_id} has had 10 attempts to pay: cancel it, and place another"
    )
    assert api.temporal.workflow_ids == []


async def refused_during_an_attempt(
    api: Api, viewer: Viewer, monkeypatch: pytest.MonkeyPatch, order_id: str
) -> Json:
    """Ask for another method while an attempt is under way; return the refused request."""
    monkeypatch.setattr("workflows.payment.ATTEMPT_WAIT_TIMEOUT", timedelta(seconds=0.2))
    request = keyed(orderId=order_id, paymentMethod=VISA)
    async with api.sagas.gates.stopped("authorize_again", order_id, When.BEFORE):
        await viewer.run("RetryPayment", input=keyed(orderId=order_id, paymentMethod=DECLINED))
        refused = await viewer.run("RetryPayment", input=request)
    assert codes(refused) == [("PAYMENT_NOT_RETRYABLE", None)]
    return request


async def is_accepted(viewer: Viewer, request: Json) -> bool:
    return not (await viewer.run("RetryPayment", input=request))["userErrors"]


async def test_a_method_that_came_during_an_attempt_is_tried_once_the_order_has_changed(
    api: Api, ada: Viewer, monkeypatch: pytest.MonkeyPatch
) -> None:
    order_id = await orders.declined(api, ada)
    request = await refused_during_an_attempt(api, ada, monkeypatch, order_id)
    await api.sagas.until(f"payment-{order_id}", "PaymentDeclined", times=2)

    assert await is_accepted(ada, request)

    await api.sagas.until(f"payment-{order_id}", "PaymentAuthorized")
    assert (await api.sagas.money(order_id))["authorized"] == (1, 500)


async def test_a_method_that_came_during_an_attempt_is_tried_though_the_log_is_the_same(
    api: Api, ada: Viewer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The attempt ends without an answer of the provider, so the log does not change."""
    monkeypatch.setattr("orchestrator.saga_orchestrator.SECONDS_OF_A_REFUSAL", 0.001)
    order_id = await orders.declined(api, ada)
    no_answer = ApplicationError("no", type="PROVIDER_UNAVAILABLE", non_retryable=True)
    api.sagas.gates.fail("authorize_again", order_id, no_answer)
    request = await refused_during_an_attempt(api, ada, monkeypatch, order_id)

    await eventually(lambda: is_accepted(ada, request))

    await api.sagas.until(f"payment-{order_id}", "PaymentAuthorized")
    assert (await api.sagas.money(order_id))["authorized"] == (1, 500)
