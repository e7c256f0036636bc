"""Admins list products, change their prices and discontinue them."""

from __future__ import annotations

from uuid import uuid4

import pytest
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.api_client import Api, Json, Viewer, operation
from tests.support.api_inputs import an_order, line

CHEAP = {"amount": 450, "currency": "EUR"}
DEAR = {"amount": 900, "currency": "EUR"}

HISTORIES = """
    query($first: Int) {
      products(first: $first) {
        edges { node { priceHistory(first: 2) { edges { node { since } } } } }
      }
    }
"""


@pytest.fixture
def admin(api: Api) -> Viewer:
    return api.viewer("admin")


@pytest.fixture
def ada(api: Api) -> Viewer:
    return api.viewer()


@pytest.fixture
async def sku(admin: Viewer) -> str:
    """The SKU of a new product at 4.50 EUR."""
    sku = f"cup-{uuid4()}"
    payload = await admin.run("ListProduct", input=key(sku=sku, name="Cup", price=CHEAP))
    assert payload["userErrors"] == []
    return sku


def key(**more: object) -> dict[str, object]:
    return {"idempotencyKey": str(uuid4()), **more}


def codes(payload: Json) -> list[tuple[str, list[str] | None]]:
    return [(error["code"], error["field"]) for error in payload["userErrors"]]


async def prices(viewer: Viewer, sku: str, **page: object) -> list[Json]:
    product = await viewer.run("PriceHistory", sku=sku, **page)
    return [edge["node"] for edge in product["priceHistory"]["edges"]]


async def test_a_product_is_listed_once_for_a_key(api: Api, admin: Viewer) -> None:
    request = key(sku=f"cup-{uuid4()}", name=" Cup ", price=CHEAP)

    first, again = [await admin.run("ListProduct", input=request) for _ in range(2)]

    assert first["userErrors"] == []
    assert first["product"] == {
        "sku": request["sku"],
        "name": "Cup",
        "price": CHEAP,
        "available": 0,
        "discontinued": False,
    }
    assert again == first
    (listed,) = await api.log.store.load_events(f"product-{request['sku']}")
    assert (listed.type, listed.position) == ("ProductListed", api.number(first["position"]))
    assert listed.metadata.actor == f"admin:{admin.sub}"


async def test_a_key_identifies_one_change_of_a_price(api: Api, admin: Viewer, sku: str) -> None:
    request = key(sku=sku, price=DEAR)
    await admin.run("ChangePrice", input=request)

    other = await admin.run("ChangePrice", input=request | {"price": CHEAP})

    assert codes(other) == [("IDEMPOTENCY_KEY_REUSED", ["input", "idempotencyKey"])]
    assert await api.events_of(sku, "product") == ["ProductListed", "ProductPriceChanged"]


async def test_a_price_is_changed_and_changed_back(api: Api, admin: Viewer, sku: str) -> None:
    for price in (DEAR, CHEAP, CHEAP):
        payload = await admin.run("ChangePrice", input=key(sku=sku, price=price))
        assert payload["userErrors"] == []
        assert payload["product"]["price"] == price

    assert await api.events_of(sku, "product") == [
        "ProductListed",
        *["ProductPriceChanged"] * 2,
    ]


async def test_listing_changes_a_product_that_is_on_sale(api: Api, admin: Viewer, sku: str) -> None:
    payload = await admin.run("ListProduct", input=key(sku=sku, name="Mug", price=DEAR))

    assert (payload["product"]["name"], payload["product"]["price"]) == ("Mug", DEAR)
    assert await api.events_of(sku, "product") == [
        "ProductListed",
        "ProductRenamed",
        "ProductPriceChanged",
    ]


async def test_an_order_keeps_the_price_at_which_it_was_placed(
    admin: Viewer, ada: Viewer, sku: str
) -> None:
    placed = await ada.run("PlaceOrder", input=an_order(lines=[{"sku": sku, "quantity": 2}]))
    await admin.run("ChangePrice", input=key(sku=sku, price=DEAR))

    order = await ada.run("Order", id=placed["order"]["id"])
    (line,) = order["lines"]
    later = await ada.run("PlaceOrder", input=an_order(lines=[{"sku": sku, "quantity": 2}]))

    assert order["total"] == {"amount": 900, "currency": "EUR"}
    assert line["total"] == {"amount": 900}
    assert later["order"]["total"] == {"amount": 1800, "currency": "EUR"}


async def test_a_discontinued_product_is_shown_and_not_sold(
    api: Api, admin: Viewer, ada: Viewer, sku: str
) -> None:
    payload = await admin.run("DiscontinueProduct", input=key(sku=sku))
    again = await admin.run("DiscontinueProduct", input=key(sku=sku))
    api.temporal.forget()

    lines = [{"sku": "mug", "quantity": 1}, {"sku": sku, "quantity": 1}]
    refused = await ada.run("PlaceOrder", input=an_order(lines=lines))

    assert payload["product"]["discontinued"] is again["product"]["discontinued"] is True
    assert await api.events_of(sku, "product") == ["ProductListed", "ProductDiscontinued"]
    assert (await ada.run("Product", sku=sku))["discontinued"] is True
    assert codes(refused) == [("PRODUCT_DISCONTINUED", ["input", "lines", "1", "sku"])]
    assert refused["order"] is None
    assert api.temporal.workflow_ids == []


async def test_orders_of_a_discontinued_product_continue(
    api: Api, admin: Viewer, ada: Viewer, sku: str
) -> None:
    """A backorder gets its pieces after the sale has ended, and can be returned."""
    order_id = await ada.place(lines=[line(sku)], backorder=True)
    await api.sagas.until(f"inventory-{sku}", "BackorderQueued")
    await admin.run("DiscontinueProduct", input=key(sku=sku))

    receipt = await admin.run("ReceiveStock", input=key(sku=sku, quantity=1))

    assert receipt["userErrors"] == []
    await api.sagas.until(f"order-{order_id}", "OrderConfirmed")
    assert await api.events_of(sku, "inventory") == [
        *("BackorderQueued", "StockReceived", "BackorderEnded", "InventoryReserved"),
    ]


async def test_a_discontinued_product_is_listed_again_in_another_currency(
    admin: Viewer, sku: str
) -> None:
    kronor = {"amount": 4900, "currency": "SEK"}
    refused = await admin.run("ListProduct", input=key(sku=sku, name="Cup", price=kronor))
    await admin.run("DiscontinueProduct", input=key(sku=sku))

    listed = await admin.run("ListProduct", input=key(sku=sku, name="Cup", price=kronor))

    assert codes(refused) == [("CURRENCY_MISMATCH", ["input", "price", "currency"])]
    assert (listed["product"]["price"], listed["product"]["discontinued"]) == (kronor, False)


async def test_changes_that_a_product_cannot_have_are_refused(
    api: Api, admin: Viewer, sku: str
) -> None:
    kronor = {"amount": 4900, "currency": "SEK"}
    unknown = await admin.run("ChangePrice", input=key(sku="no-such-cup", price=DEAR))
    missing = await admin.run("DiscontinueProduct", input=key(sku="no-such-cup"))
    foreign = await admin.run("ChangePrice", input=key(sku=sku, price=kronor))
    await admin.run("DiscontinueProduct", input=key(sku=sku))
    ended = await admin.run("ChangePrice", input=key(sku=sku, price=DEAR))

    assert codes(unknown) == codes(missing) == [("UNKNOWN_SKU", ["input", "sku"])]
    assert codes(foreign) == [("CURRENCY_MISMATCH", ["input", "price", "currency"])]
    assert codes(ended) == [("PRODUCT_DISCONTINUED", ["input", "sku"])]
    assert await api.events_of("no-such-cup", "product") == []
    assert await api.events_of(sku, "product") == ["ProductListed", "ProductDiscontinued"]


async def test_each_invalid_input_of_a_listing_is_named(api: Api, admin: Viewer) -> None:
    request = {
        "idempotencyKey": "no key",
        "sku": "no sku",
        "name": "\n",
        "price": {"amount": -1, "currency": "euro"},
    }
    api.temporal.forget()

    payload = await admin.run("ListProduct", input=request)

    assert codes(payload) == [
        ("INVALID_INPUT", ["input", "idempotencyKey"]),
        ("INVALID_INPUT", ["input", "sku"]),
        ("INVALID_INPUT", ["input", "name"]),
        ("INVALID_INPUT", ["input", "price", "amount"]),
        ("INVALID_INPUT", ["input", "price", "currency"]),
    ]
    assert api.temporal.workflow_ids == []


async def test_only_staff_list_discontinued_products(admin: Viewer, ada: Viewer, sku: str) -> None:
    await admin.run("DiscontinueProduct", input=key(sku=sku))

    on_sale = [edge["node"]["sku"] for edge in (await ada.run("Products", first=100))["edges"]]
    refused = await ada.ask(operation("Products"), first=100, includeDiscontinued=True)
    all_of_them = (await admin.run("Products", first=100, includeDiscontinued=True))["edges"]

    assert sku not in on_sale
    assert refused["errors"][0]["extensions"] == {"code": "FORBIDDEN"}
    assert refused["data"] is None
    assert sku in [edge["node"]["sku"] for edge in all_of_them]


async def test_the_price_history_has_each_price_with_its_time(
    api: Api, admin: Viewer, ada: Viewer, sku: str
) -> None:
    await admin.run("ChangePrice", input=key(sku=sku, price=DEAR))
    await admin.run("ListProduct", input=key(sku=sku, name="Mug", price=DEAR))
    await admin.run("ChangePrice", input=key(sku=sku, price=CHEAP))
    stored = await api.log.store.load_events(f"product-{sku}")
    times = [
        event.recorded_at.isoformat() for event in reversed(stored) if "Renamed" not in event.type
    ]

    for viewer, actor in ((ada, None), (admin, f"admin:{admin.sub}")):
        history = await prices(viewer, sku)
        assert [entry["price"] for entry in history] == [CHEAP, DEAR, CHEAP]
        assert [entry["since"] for entry in history] == times
        assert {entry["actor"] for entry in history} == {actor}


async def test_the_price_history_is_paged(admin: Viewer, ada: Viewer, sku: str) -> None:
    for amount in range(451, 456):
        await admin.run("ChangePrice", input=key(sku=sku, price={**CHEAP, "amount": amount}))
    seen, after = [], None
    while True:
        page = (await ada.run("PriceHistory", sku=sku, first=4, after=after))["priceHistory"]
        seen += [edge["node"]["price"]["amount"] for edge in page["edges"]]
        if not page["pageInfo"]["hasNextPage"]:
            break
        after = page["pageInfo"]["endCursor"]

    assert seen == [455, 454, 453, 452, 451, 450]
    of_another = await ada.ask(operation("PriceHistory"), sku="mug", after=after)
    assert of_another["errors"][0]["extensions"] == {"code": "BAD_USER_INPUT"}


@pytest.mark.parametrize("size", [1, 20])
async def test_the_histories_of_a_whole_list_cost_one_statement(
    engine: AsyncEngine, api: Api, ada: Viewer, size: int
) -> None:
    for number in range(size):
        await api.log.list_product(f"plate-{size}-{number}")
    seen: list[str] = []

    def note(_c: object, _cur: object, statement: str, *_: object) -> None:
        seen.append(statement)

    event.listen(engine.sync_engine, "before_cursor_execute", note)
    answer = await ada.ask(HISTORIES, first=size)
    event.remove(engine.sync_engine, "before_cursor_execute", note)

    assert len(answer["data"]["products"]["edges"]) == size
    assert len(seen) == 2


async def test_a_price_at_which_no_piece_could_be_paid_is_refused(
    api: Api, admin: Viewer, sku: str
) -> None:
    odd = {"amount": 5_125, "currency": "KWD"}
    listing = key(sku=f"cup-{uuid4()}", name="Cup", price=odd)

    refused = [
        await admin.run("ListProduct", input=listing),
        await admin.run("ChangePrice", input=key(sku=sku, price=odd)),
    ]

    for payload in refused:
        assert codes(payload) == [("AMOUNT_NOT_REPRESENTABLE", ["input", "price"])]
    assert await api.log.store.load_events(f"product-{listing['sku']}") == []
    assert len(await api.log.store.load_events(f"product-{sku}")) == 1
