from __future__ import annotations

import asyncio

import pytest

from domain.ids import line_id_for, order_id_for
from domain.order.events import OrderCreated
from tests.support.api_client import Api, Viewer, operation
from tests.support.api_inputs import (
    ADDRESS,
    CONTACT,
    OUT_OF_STOCK,
    TWO_MUGS,
    a_waiting_order,
    an_order,
    line,
)

NO_PARTS = {"discount": {"amount": 0}, "tax": {"amount": 0}}


@pytest.fixture
def ada(api: Api) -> Viewer:
    return api.viewer()


async def errors_of(viewer: Viewer, **changes: object) -> list[tuple[str, str]]:
    """Return code and field of each error of an order with these changes.

    Nothing may be recorded.
    """
    order = an_order(**changes)
    payload = await viewer.run("PlaceOrder", input=order)
    assert (payload["order"], payload["position"]) == (None, None)
    assert viewer.api.temporal.workflow_ids == []
    assert await viewer.api.events_of(order_id_for(viewer.sub, order["idempotencyKey"])) == []
    return [(e["code"], ".".join(e["field"])) for e in payload["userErrors"]]


async def test_a_placed_order_is_answered_with_the_catalogues_prices(api: Api, ada: Viewer) -> None:
    order = a_waiting_order(lines=[line("mug", 2), line("pot"), line(OUT_OF_STOCK)])

    payload = await ada.run("PlaceOrder", input=order)

    assert payload["userErrors"] == []
    placed = payload["order"]
    assert placed["id"] == order_id_for(ada.sub, order["idempotencyKey"])
    assert (placed["status"], placed["total"]) == ("PLACED", {"amount": 1749, "currency": "EUR"})
    first, second, third = (line_id_for(placed["id"], index) for index in range(3))
    assert placed["lines"] == [
        {"id": id_, "sku": sku, "name": name, "quantity": n, "total": {"amount": total}, **NO_PARTS}
        for id_, sku, name, n, total in (
            (first, "mug", "Mug", 2, 500),
            (second, "pot", "Pot", 1, 999),
            (third, "vase", "Vase", 1, 250),
        )
    ]
    assert payload["position"] == placed["position"]
    assert await api.events_of(placed["id"]) == ["OrderCreated"]
    assert await api.actors_of(f"order-{placed['id']}") == [f"customer:{ada.sub}"]
    assert api.temporal.workflow_ids == [f"order-{placed['id']}"]


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


def entry(key: str, value: str = "x") -> dict[str, str]:
    return {"key": key, "value": value}


async def test_an_order_keeps_the_shops_reference_and_metadata(api: Api, ada: Viewer) -> None:
    metadata = [entry("till", "4"), entry("channel", " Läden "), entry("empty", "")]
    order = a_waiting_order(reference=" PO 7 ", metadata=metadata)

    placed = (await ada.run("PlaceOrder", input=order))["order"]

    assert placed["reference"] == "PO 7"
    assert placed["metadata"] == [metadata[1], metadata[2], metadata[0]]
    (created,) = await api.log.store.load_events(f"order-{placed['id']}")
    assert created.data["reference"] == "PO 7"
    assert created.data["metadata"] == {"till": "4", "channel": " Läden ", "empty": ""}


async def test_another_reference_under_the_same_key_is_refused(api: Api, ada: Viewer) -> None:
    order = a_waiting_order(reference="PO 7")
    placed = (await ada.run("PlaceOrder", input=order))["order"]

    payload = await ada.run("PlaceOrder", input=order | {"reference": "PO 8"})

    assert [error["code"] for error in payload["userErrors"]] == ["IDEMPOTENCY_KEY_REUSED"]
    assert (await ada.run("Order", id=placed["id"]))["reference"] == "PO 7"
    assert await api.events_of(placed["id"]) == ["OrderCreated"]


async def test_an_order_shows_what_it_was_promised(api: Api, ada: Viewer) -> None:
    payload = await ada.run("PlaceOrder", input=a_waiting_order())

    assert payload["order"]["promises"] == {
        "paymentWindow": "PT5M",
        "dispatch": "PT5M",
        "delivery": "PT5M",
        "returnWindow": "PT5M",
    }
    (created,) = await api.log.store.load_events(f"order-{payload['order']['id']}")
    assert created.data["promises"] == {
        "backorder": "PT5M",
        "payment_window": "PT5M",
        "dispatch": "PT5M",
        "delivery": "PT5M",
        "return_window": "PT5M",
        "return_delivery": "PT5M",
    }


async def test_a_renamed_product_changes_no_order(api: Api, ada: Viewer) -> None:
    placed = (await ada.run("PlaceOrder", input=a_waiting_order()))["order"]

    await api.log.list_product(OUT_OF_STOCK, name="Amphora", price=250)
    seen = await ada.run("Order", id=placed["id"])
    later = (await ada.run("PlaceOrder", input=a_waiting_order()))["order"]
    await api.log.list_product(OUT_OF_STOCK, name="Vase", price=250)

    assert [line["name"] for line in placed["lines"]] == ["Vase"]
    assert {name: seen[name] for name in placed} == placed
    assert [line["name"] for line in later["lines"]] == ["Amphora"]


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


@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        ({"lines": []}, "EMPTY_ORDER", "input.lines"),
        ({"lines": [line(f"s{i}") for i in range(101)]}, "TOO_MANY_LINES", "input.lines"),
        ({"lines": [line("mug", 0)]}, "INVALID_QUANTITY", "input.lines.0.quantity"),
        (
            {"lines": [line("pot"), line("mug", 1001)]},
            "INVALID_QUANTITY",
            "input.lines.1.quantity",
        ),
        ({"lines": [line("mug", -1)]}, "INVALID_QUANTITY", "input.lines.0.quantity"),
        ({"lines": [line("mug"), line("mug")]}, "DUPLICATE_LINE", "input.lines.1.sku"),
        ({"lines": [line("mug"), line("gone")]}, "UNKNOWN_SKU", "input.lines.1.sku"),
        ({"lines": [line("no\x00where")]}, "UNKNOWN_SKU", "input.lines.0.sku"),
        ({"idempotencyKey": ""}, "INVALID_INPUT", "input.idempotencyKey"),
        ({"idempotencyKey": "k" * 101}, "INVALID_INPUT", "input.idempotencyKey"),
        ({"discountCode": "WELCOME"}, "UNKNOWN_DISCOUNT", "input.discountCode"),
        ({"discountCode": ""}, "UNKNOWN_DISCOUNT", "input.discountCode"),
        ({"paymentMethod": "4242 4242"}, "INVALID_INPUT", "input.paymentMethod"),
        (
            {"shippingAddress": ADDRESS | {"postalCode": " "}},
            "INVALID_INPUT",
            "input.shippingAddress.postalCode",
        ),
        (
            {"shippingAddress": ADDRESS | {"street": "x" * 200_000}},
            "INVALID_INPUT",
            "input.shippingAddress.street",
        ),
        (
            {"shippingAddress": ADDRESS | {"country": "Great Britain"}},
            "INVALID_INPUT",
            "input.shippingAddress.country",
        ),
        (
            {"shippingAddress": ADDRESS | {"name": "\u200b\u2060"}},
            "INVALID_INPUT",
            "input.shippingAddress.name",
        ),
        (
            {"shippingAddress": ADDRESS | {"line2": "a\nb"}},
            "INVALID_INPUT",
            "input.shippingAddress.line2",
        ),
        (
            {"shippingAddress": ADDRESS | {"company": "\u3164"}},
            "INVALID_INPUT",
            "input.shippingAddress.company",
        ),
        (
            {"shippingAddress": ADDRESS | {"region": " "}},
            "INVALID_INPUT",
            "input.shippingAddress.region",
        ),
        (
            {"shippingAddress": ADDRESS | {"phone": "12"}},
            "INVALID_INPUT",
            "input.shippingAddress.phone",
        ),
        (
            {"shippingAddress": ADDRESS | {"country": "ZZ"}},
            "INVALID_INPUT",
            "input.shippingAddress.country",
        ),
        (
            {"shippingAddress": ADDRESS | {"country": "XK"}},
            "INVALID_INPUT",
            "input.shippingAddress.country",
        ),
        (
            {"shippingAddress": ADDRESS | {"postalCode": "10115"}},
            "INVALID_INPUT",
            "input.shippingAddress.postalCode",
        ),
        (
            {"shippingAddress": ADDRESS | {"postalCode": None}},
            "INVALID_INPUT",
            "input.shippingAddress.postalCode",
        ),
        (
            {"shippingAddress": ADDRESS | {"country": "IT", "postalCode": "00184"}},
            "INVALID_INPUT",
            "input.shippingAddress.region",
        ),
        ({"contact": {"email": "ada"}}, "INVALID_INPUT", "input.contact.email"),
        ({"contact": CONTACT | {"email": ""}}, "INVALID_INPUT", "input.contact.email"),
        ({"contact": CONTACT | {"phone": "+10000000000"}}, "INVALID_INPUT", "input.contact.phone"),
        ({"contact": CONTACT | {"locale": "english"}}, "INVALID_INPUT", "input.contact.locale"),
        (
            {"contact": CONTACT | {"timeZone": "Europe/Atlantis"}},
            "INVALID_INPUT",
            "input.contact.timeZone",
        ),
        (
            {"expectedTotal": {"amount": -1, "currency": "EUR"}},
            "INVALID_INPUT",
            "input.expectedTotal.amount",
        ),
        (
            {"expectedTotal": {"amount": 500, "currency": "GBP"}},
            "CURRENCY_MISMATCH",
            "input.expectedTotal.currency",
        ),
        (
            {"expectedTotal": {"amount": 499, "currency": "EUR"}},
            "PRICE_CHANGED",
            "input.expectedTotal.amount",
        ),
        ({"reference": ""}, "INVALID_INPUT", "input.reference"),
        ({"reference": "r" * 101}, "INVALID_INPUT", "input.reference"),
        ({"reference": "PO\n7"}, "INVALID_INPUT", "input.reference"),
        ({"metadata": [entry(f"k{i}") for i in range(21)]}, "INVALID_INPUT", "input.metadata"),
        ({"metadata": [entry("a b")]}, "INVALID_INPUT", "input.metadata.0.key"),
        ({"metadata": [entry("a"), entry("k" * 41)]}, "INVALID_INPUT", "input.metadata.1.key"),
        ({"metadata": [entry("a", "x" * 501)]}, "INVALID_INPUT", "input.metadata.0.value"),
        ({"metadata": [entry("a", "x\x00")]}, "INVALID_INPUT", "input.metadata.0.value"),
        ({"metadata": [entry("a"), entry("a")]}, "INVALID_INPUT", "input.metadata.1.key"),
    ],
)
async def test_a_faulty_order_is_refused_with_the_field_at_fault(
    ada: Viewer, changes: dict[str, object], code: str, field: str
) -> None:
    assert await errors_of(ada, **changes) == [(code, field)]


async def test_all_faults_are_reported_at_once(ada: Viewer) -> None:
    lines = [line("mug", 0), line("gone"), line("mug")]

    assert await errors_of(ada, lines=lines, paymentMethod="") == [
        ("INVALID_QUANTITY", "input.lines.0.quantity"),
        ("UNKNOWN_SKU", "input.lines.1.sku"),
        ("DUPLICATE_LINE", "input.lines.2.sku"),
        ("INVALID_INPUT", "input.paymentMethod"),
    ]


async def test_all_faults_of_address_and_contact_are_reported_and_not_repeated(
    ada: Viewer,
) -> None:
    contact = {"email": "hidden@", "phone": "hidden", "locale": "hidden!", "timeZone": "hidden/0"}
    address = ADDRESS | {"country": "US", "postalCode": "hidden", "phone": "hidden"}
    order = an_order(shippingAddress=address, contact=contact)

    answer = await ada.ask(operation("PlaceOrder"), input=order)

    errors = answer["data"]["placeOrder"]["userErrors"]
    assert [(error["code"], ".".join(error["field"])) for error in errors] == [
        ("INVALID_INPUT", f"input.{path}")
        for path in (
            *("shippingAddress.region", "shippingAddress.postalCode", "shippingAddress.phone"),
            *("contact.email", "contact.phone", "contact.locale", "contact.timeZone"),
        )
    ]
    assert "hidden" not in str(answer)


async def test_products_of_different_currencies_cannot_be_in_one_order(
    api: Api, ada: Viewer
) -> None:
    await api.log.list_product("tea", currency="GBP")

    lines = [line("mug"), line("tea")]
    assert await errors_of(ada, lines=lines) == [("CURRENCY_MISMATCH", "input.lines")]


async def test_a_total_beyond_what_an_amount_can_be_is_refused(api: Api, ada: Viewer) -> None:
    await api.log.list_product("yacht", price=10**12)

    assert await errors_of(ada, lines=[line("yacht", 2)]) == [("INVALID_INPUT", "input.lines")]


async def test_an_order_of_nothing_to_pay_is_refused(api: Api, ada: Viewer) -> None:
    await api.log.list_product("sample", price=0)

    assert await errors_of(ada, lines=[line("sample", 3)]) == [("ZERO_TOTAL", "input.lines")]


async def test_a_changed_price_is_reported(ada: Viewer) -> None:
    expected = {"amount": 499, "currency": "EUR"}
    payload = await ada.run("PlaceOrder", input=an_order(lines=TWO_MUGS, expectedTotal=expected))

    assert payload["userErrors"][0]["message"] == "the total is 500 EUR (minor units)"


async def test_a_refusal_does_not_repeat_what_the_customer_sent(ada: Viewer) -> None:
    address = ADDRESS | {"street": "secret\x01", "country": "secret"}
    answer = await ada.ask(operation("PlaceOrder"), input=an_order(shippingAddress=address))

    assert len(answer["data"]["placeOrder"]["userErrors"]) == 2
    assert "secret" not in str(answer)
