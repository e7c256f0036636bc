"""An order is priced in parts by the shop's rules, and refunded by part."""

from __future__ import annotations

from typing import Final

import pytest

from domain.ids import order_id_for
from domain.order.events import OrderCreated, OrderReturned
from domain.order.price import Price
from domain.provider_notifications import ShipmentNotificationKind
from providers.carrier_simulator.routes import LOST
from settings import Settings
from tests.support.api_client import Api, Json, Viewer
from tests.support.api_inputs import (
    OUT_OF_STOCK,
    UNCOLLECTED_ADDRESS,
    a_waiting_order,
    an_order,
    line,
)

THREE_MUGS: Final = [line("mug", 3)]
PRICE: Final = {"lines": 750, "discount": 56, "shipping": 490, "tax": 225, "total": 1_409}
"""7.5 % of 750 is 56.25; 19 % of 694 is 131.86, and of 490 it is 93.1."""
NOTHING: Final = dict.fromkeys(PRICE, 0)


@pytest.fixture(scope="module")
def settings(settings: Settings) -> Settings:
    rules = {
        "shipping_price": "EUR=490",
        "free_shipping_from": "EUR=2000",
        "tax_percent": "19",
        "discount_codes": "ODD=7.5,ALL=100",
    }
    return Settings.model_validate(settings.model_dump() | rules)


@pytest.fixture
def ada(api: Api) -> Viewer:
    return api.viewer()


def amounts(parts: Json) -> dict[str, int]:
    return {name: money["amount"] for name, money in parts.items()}


async def refused(viewer: Viewer, **changes: object) -> Json:
    """Return the only error of an order with these changes, after which nothing is recorded."""
    order = an_order(**changes)
    payload = await viewer.run("PlaceOrder", input=order)
    assert (payload["order"], payload["position"]) == (None, None)
    assert viewer.api.temporal.workflow_ids == []
    assert await viewer.api.events_of(order_id_for(viewer.sub, order["idempotencyKey"])) == []
    [error] = payload["userErrors"]
    result: Json = error
    return result


async def delivered(api: Api, viewer: Viewer) -> str:
    order_id = await viewer.place(lines=THREE_MUGS, discountCode="ODD")
    await api.sagas.delivered(order_id)
    await api.sagas.until(f"order-{order_id}", "OrderDelivered")
    return order_id


async def returned(api: Api, viewer: Viewer, order_id: str, lines: list[Json] | None) -> Json:
    """Return goods and wait for their refund; return the order."""
    request = {"idempotencyKey": f"back-{order_id}", "orderId": order_id, "lines": lines}
    payload = await viewer.run("RequestReturn", input=request)
    assert payload["userErrors"] == []
    assert amounts(payload["order"]["refunded"]) == NOTHING, "the goods are not back yet"
    await api.sagas.until(f"shipment-{order_id}", "ShipmentReturnRequested")
    await api.sagas.notify(order_id, ShipmentNotificationKind.RETURNED)
    await api.sagas.until(f"order-{order_id}", "OrderReturned")
    return await viewer.run("Order", id=order_id)


async def refund_of(api: Api, order_id: str) -> Price:
    stored = await api.log.store.load_events(f"order-{order_id}")
    [event] = [e for e in (each.decode() for each in stored) if isinstance(e, OrderReturned)]
    return event.refund


async def test_an_order_is_answered_and_recorded_with_all_parts(api: Api, ada: Viewer) -> None:
    lines = [line("mug", 2), line("pot"), line(OUT_OF_STOCK)]
    payload = await ada.run("PlaceOrder", input=a_waiting_order(lines=lines, discountCode="ODD"))

    order = payload["order"]
    # 7.5 % of 1749 is 131.175; the exact shares of 131 are 37.45, 74.82 and 18.72.
    assert [
        (each["total"]["amount"], each["discount"]["amount"], each["tax"]["amount"])
        for each in order["lines"]
    ] == [(500, 37, 88), (999, 75, 176), (250, 19, 44)]
    assert amounts(order["price"]) == {
        "lines": 1_749,
        "discount": 131,
        "shipping": 490,
        "tax": 88 + 176 + 44 + 93,
        "total": 2_509,
    }
    assert (order["total"], order["discountCode"]) == ({"amount": 2_509, "currency": "EUR"}, "ODD")
    assert amounts(order["refunded"]) == NOTHING
    created = (await api.log.store.load_events(f"order-{order['id']}"))[0].decode()
    assert isinstance(created, OrderCreated)
    assert created.discount_code == "ODD"
    assert created.price == Price(
        currency="EUR",
        lines=1_749,
        discount=131,
        shipping=490,
        tax=401,
        shipping_tax=93,
        total=2_509,
    )


async def test_the_expected_total_includes_all_parts(ada: Viewer) -> None:
    expected = {"amount": 1_409, "currency": "EUR"}
    placed = a_waiting_order(
        lines=[line(OUT_OF_STOCK, 3)], discountCode="ODD", expectedTotal=expected
    )
    assert (await ada.run("PlaceOrder", input=placed))["order"]["total"] == expected
    ada.api.temporal.forget()

    error = await refused(
        ada, lines=THREE_MUGS, discountCode="ODD", expectedTotal=expected | {"amount": 750}
    )
    assert (error["code"], error["field"]) == (
        "PRICE_CHANGED",
        ["input", "expectedTotal", "amount"],
    )
    assert error["message"] == "the total is 1409 EUR (minor units)"


async def test_the_shipping_is_free_from_the_shops_amount(ada: Viewer) -> None:
    payload = await ada.run("PlaceOrder", input=a_waiting_order(lines=[line(OUT_OF_STOCK, 8)]))
    assert amounts(payload["order"]["price"]) == {
        "lines": 2_000,
        "discount": 0,
        "shipping": 0,
        "tax": 380,
        "total": 2_380,
    }


@pytest.mark.parametrize("code", ["WELCOME", "odd", "", "x" * 10_000])
async def test_an_unknown_discount_code_places_no_order(ada: Viewer, code: str) -> None:
    error = await refused(ada, discountCode=code)
    assert (error["code"], error["field"]) == ("UNKNOWN_DISCOUNT", ["input", "discountCode"])
    assert error["message"] == "there is no such discount code: check it, or order without it"


async def test_a_discount_of_everything_needs_an_expected_total_of_0(api: Api, ada: Viewer) -> None:
    await api.log.list_product("tea", currency="GBP")
    error = await refused(ada, lines=[line("tea")], discountCode="ALL")
    assert (error["code"], error["field"]) == ("ZERO_TOTAL", ["input", "expectedTotal"])


async def test_another_code_under_the_same_key_is_refused(api: Api, ada: Viewer) -> None:
    order = a_waiting_order(discountCode="ODD")
    first = await ada.run("PlaceOrder", input=order)
    other = await ada.run("PlaceOrder", input=order | {"discountCode": "ALL"})
    assert [error["code"] for error in other["userErrors"]] == ["IDEMPOTENCY_KEY_REUSED"]
    assert await api.events_of(first["order"]["id"]) == ["OrderCreated"]


async def test_one_of_three_pieces_gives_back_its_discount_and_tax(api: Api, ada: Viewer) -> None:
    order_id = await delivered(api, ada)
    paid = await ada.run("Order", id=order_id)
    assert paid["payment"]["captured"]["amount"] == paid["total"]["amount"] == 1_409
    assert amounts(paid["price"]) == PRICE

    order = await returned(api, ada, order_id, [line("mug", 1)])

    # A third of 56 and of 132, rounded down; the shipping stays paid.
    part = {"lines": 250, "discount": 18, "shipping": 0, "tax": 44, "total": 276}
    assert amounts(order["refunded"]) == part
    assert order["payment"]["refunded"]["amount"] == 276
    assert await refund_of(api, order_id) == Price(currency="EUR", **part)
    assert await api.sagas.money(order_id) == {
        "authorized": (1, 1_409),
        "captured": (1, 1_409),
        "refunded": (1, 276),
    }
    assert amounts(order["price"]) == PRICE, "the price of the order does not change"


async def test_a_whole_return_gives_back_the_shipping_and_its_tax(api: Api, ada: Viewer) -> None:
    order_id = await delivered(api, ada)

    order = await returned(api, ada, order_id, None)

    assert order["status"] == "RETURNED"
    assert amounts(order["refunded"]) == amounts(order["price"]) == PRICE
    assert order["payment"]["refunded"]["amount"] == 1_409
    assert (await refund_of(api, order_id)).shipping_tax == 93
    assert (await api.sagas.money(order_id))["refunded"] == (1, 1_409)


async def test_a_lost_parcel_gives_back_every_part(api: Api, ada: Viewer) -> None:
    address = UNCOLLECTED_ADDRESS | {"postalCode": LOST}
    order_id = await ada.place(lines=THREE_MUGS, discountCode="ODD", shippingAddress=address)
    await api.sagas.until(f"shipment-{order_id}", "ShipmentCreated")
    await api.sagas.carrier_simulator.until_recorded(order_id, "lost")
    await api.sagas.notify(
        order_id, ShipmentNotificationKind.DISPATCHED, ShipmentNotificationKind.LOST
    )
    assert await api.sagas.end(order_id) == "CANCELLED"

    order = await ada.run("Order", id=order_id)

    assert amounts(order["refunded"]) == amounts(order["price"]) == PRICE
    assert order["payment"]["refunded"]["amount"] == 1_409


async def test_a_cancelled_order_that_was_never_charged_has_no_refund(
    api: Api, ada: Viewer
) -> None:
    order_id = await ada.place(
        lines=THREE_MUGS, discountCode="ODD", shippingAddress=UNCOLLECTED_ADDRESS
    )
    await ada.run("CancelOrder", input={"idempotencyKey": "not", "orderId": order_id})
    end = await api.sagas.end(order_id)

    order = await ada.run("Order", id=order_id)

    assert end == "CANCELLED"
    assert amounts(order["refunded"]) == NOTHING
    assert "captured" not in await api.sagas.money(order_id)


async def test_a_free_line_comes_back_without_a_refund(api: Api, ada: Viewer) -> None:
    await api.log.list_product("sample", price=0)
    await api.log.receive("sample", 1)
    order_id = await ada.place(lines=[line("mug", 1), line("sample", 1)])
    await api.sagas.delivered(order_id)
    await api.sagas.until(f"order-{order_id}", "OrderDelivered")

    order = await returned(api, ada, order_id, [line("sample", 1)])

    assert amounts(order["refunded"]) == NOTHING
    assert (await api.sagas.inventory("sample")).on_hand == 1
    assert "refunded" not in await api.sagas.money(order_id)
    assert await api.sagas.events(f"saga-{order_id}") == [], "no step has parked"
