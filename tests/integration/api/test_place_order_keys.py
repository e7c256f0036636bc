"""`placeOrder` under an idempotency key that is repeated or reused."""

from __future__ import annotations

import asyncio

import pytest

from domain.ids import order_id_for
from domain.order.events import OrderCreated
from kit.eventually import eventually
from tests.support.api_client import Api, Viewer, operation
from tests.support.api_inputs import (
    OUT_OF_STOCK,
    a_waiting_order,
    an_order,
    line,
)
from tests.support.gates import When
from tests.support.temporal_calls import TEMPORAL_IS_AWAY


@pytest.fixture
def ada(api: Api) -> Viewer:
    return api.viewer()


async def test_a_repeated_key_returns_the_first_answer(api: Api, ada: Viewer) -> None:
    order = a_waiting_order(expectedTotal={"amount": 500, "currency": "EUR"})
    first = await ada.ask(operation("PlaceOrder"), input=order)
    await api.log.list_product(OUT_OF_STOCK, price=300)
    again = await ada.ask(operation("PlaceOrder"), input=order)
    await api.log.list_product(OUT_OF_STOCK, price=250)

    assert "idempotency" not in first["extensions"]
    assert again["extensions"]["idempotency"] == {"replayed": True}
    assert again["data"]["placeOrder"]["position"] == first["data"]["placeOrder"]["position"]
    id_, total = (again["data"]["placeOrder"]["order"][name] for name in ("id", "total"))
    assert total == {"amount": 500, "currency": "EUR"}
    assert await api.events_of(id_) == ["OrderCreated"]
    assert api.temporal.workflow_ids == [f"order-{id_}"]


async def test_a_repeat_has_the_position_of_the_first_answer(api: Api, ada: Viewer) -> None:
    """The placement has reserved the stock at once, and the order has changed since."""
    order = an_order()
    first = await ada.run("PlaceOrder", input=order)
    await api.sagas.until(f"order-{first['order']['id']}", "OrderConfirmed")

    again = await ada.run("PlaceOrder", input=order)

    created, *_ = await api.log.store.load_events(f"order-{first['order']['id']}")
    assert api.number(first["position"]) == created.position
    assert again["position"] == first["position"]


async def test_another_reference_under_the_same_key_is_refused(api: Api, ada: Viewer) -> None:
    order = a_waiting_order(reference="PO 7")
    placed = (await ada.run("PlaceOrder", input=order))["order"]

    payload = await ada.run("PlaceOrder", input=order | {"reference": "PO 8"})

    assert [error["code"] for error in payload["userErrors"]] == ["IDEMPOTENCY_KEY_REUSED"]
    assert (await ada.run("Order", id=placed["id"]))["reference"] == "PO 7"
    assert await api.events_of(placed["id"]) == ["OrderCreated"]


async def test_two_equal_requests_at_once_place_one_order(api: Api, ada: Viewer) -> None:
    """Both requests ask Temporal: neither could find the other's order in the read model."""
    order = a_waiting_order()
    async with api.temporal.meeting(2):
        first, second = await asyncio.gather(
            *(ada.run("PlaceOrder", input=order) for _ in range(2))
        )

    order_id = order_id_for(ada.sub, order["idempotencyKey"])
    assert first == second
    assert first["order"]["id"] == order_id
    assert api.temporal.workflow_ids == [f"order-{order_id}"] * 2
    assert await api.events_of(order_id) == ["OrderCreated"]


async def test_one_of_two_concurrent_orders_under_one_key_is_refused(api: Api, ada: Viewer) -> None:
    order = a_waiting_order()
    async with api.temporal.meeting(2):
        payloads = await asyncio.gather(
            ada.run("PlaceOrder", input=order),
            ada.run("PlaceOrder", input=order | {"lines": [line(OUT_OF_STOCK, 3)]}),
        )

    errors = [error["code"] for payload in payloads for error in payload["userErrors"]]
    assert errors == ["IDEMPOTENCY_KEY_REUSED"]
    order_id = order_id_for(ada.sub, order["idempotencyKey"])
    assert await api.events_of(order_id) == ["OrderCreated"]


async def test_two_keys_are_two_orders(api: Api, ada: Viewer) -> None:
    order = a_waiting_order()
    placed = [await ada.place(**order | {"idempotencyKey": key}) for key in ("one", "two")]

    assert len(set(placed)) == 2
    for order_id in placed:
        assert await api.events_of(order_id) == ["OrderCreated"]


async def test_a_key_reused_for_another_order_is_refused(api: Api, ada: Viewer) -> None:
    order = a_waiting_order()
    first = await ada.run("PlaceOrder", input=order)
    other = await ada.run("PlaceOrder", input=order | {"lines": [line("mug", 3)]})

    assert [(error["code"], error["field"]) for error in other["userErrors"]] == [
        ("IDEMPOTENCY_KEY_REUSED", ["input", "idempotencyKey"])
    ]
    assert (other["order"], other["position"]) == (None, None)
    assert await api.events_of(first["order"]["id"]) == ["OrderCreated"]


async def test_waiting_for_stock_is_part_of_the_orders_key(api: Api, ada: Viewer) -> None:
    order = a_waiting_order()
    placed = await ada.run("PlaceOrder", input=order)
    impatient = await ada.run("PlaceOrder", input=order | {"backorder": False})

    stored = await api.log.store.load_events(f"order-{placed['order']['id']}")
    created = stored[0].decode()
    assert isinstance(created, OrderCreated)
    assert created.backorder
    assert [error["code"] for error in impatient["userErrors"]] == ["IDEMPOTENCY_KEY_REUSED"]


async def test_two_customers_with_the_same_key_have_two_orders(api: Api, ada: Viewer) -> None:
    order = an_order()
    mine = await ada.run("PlaceOrder", input=order)
    theirs = await api.viewer().run("PlaceOrder", input=order)

    assert theirs["userErrors"] == []
    assert mine["order"]["id"] != theirs["order"]["id"]


async def test_a_repeat_is_not_refused_while_its_order_is_about_to_be_placed(
    api: Api, ada: Viewer
) -> None:
    """The price changes in between. A refusal would be taken for the answer to both requests."""
    order = a_waiting_order(expectedTotal={"amount": 500, "currency": "EUR"})
    order_id = order_id_for(ada.sub, order["idempotencyKey"])
    async with api.sagas.gates.stopped("place", order_id, When.BEFORE) as gate:
        first = asyncio.create_task(ada.run("PlaceOrder", input=order))
        await gate.reached()
        await api.log.list_product(OUT_OF_STOCK, price=300)
        repeats = [
            asyncio.create_task(ada.ask(operation("PlaceOrder"), input=each))
            for each in (order, order | {"reference": "PO 7"})
        ]
        await eventually(lambda: api.temporal.workflow_ids == [f"order-{order_id}"] * 3)
        gate.open()
        placed, (again, other) = await first, await asyncio.gather(*repeats)
    await api.log.list_product(OUT_OF_STOCK, price=250)

    payload = again["data"]["placeOrder"]
    assert (payload["userErrors"], payload["position"]) == ([], placed["position"])
    assert payload["order"]["total"] == {"amount": 500, "currency": "EUR"}
    assert again["extensions"]["idempotency"] == {"replayed": True}
    errors = other["data"]["placeOrder"]["userErrors"]
    assert [error["code"] for error in errors] == ["IDEMPOTENCY_KEY_REUSED"]
    assert await api.events_of(order_id) == ["OrderCreated"]


async def test_the_key_of_a_cancelled_order_places_no_other_one(api: Api, ada: Viewer) -> None:
    order = a_waiting_order()
    order_id = await ada.place(**order)
    await ada.run("CancelOrder", input={"idempotencyKey": "cancel", "orderId": order_id})
    assert await api.sagas.end(order_id) == "CANCELLED"
    api.temporal.failure = TEMPORAL_IS_AWAY

    again = await ada.ask(operation("PlaceOrder"), input=order)

    placed = again["data"]["placeOrder"]["order"]
    assert (placed["id"], placed["status"]) == (order_id, "CANCELLED")
    assert again["extensions"]["idempotency"] == {"replayed": True}
    assert (await api.events_of(order_id)).count("OrderCreated") == 1
