"""Staff see each change of a product's stock, and of the product in the catalogue."""

from __future__ import annotations

from uuid import uuid4

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from domain.event import Event
from domain.inventory import events as e
from domain.inventory.commands import AdjustmentReason
from domain.money import Money
from domain.product.events import ProductDiscontinued, ProductPriceChanged, ProductRenamed
from eventstore.envelope import EventMetadata, NewEvent
from eventstore.versions import ANY
from tests.integration.queries.statements import counted
from tests.support.api_client import Api, Json, Viewer, operation
from tests.support.order_parts import PLACED_AT

KINDS = [
    *("RECEIVED", "ADJUSTED", "RESERVED", "BACKORDER_QUEUED", "RELEASED", "BACKORDER_ENDED"),
    *("RESERVED", "COMMITTED", "RETURNED"),
]
FIGURES = [
    *((10, 0, 10), (8, 0, 8), (8, 3, 5), (8, 3, 5), (8, 0, 8), (8, 0, 8)),
    *((8, 4, 4), (4, 0, 4), (5, 0, 5)),
]
"""On hand, reserved and available after each of the changes."""


@pytest.fixture
def eve(api: Api) -> Viewer:
    return api.viewer("operator")


@pytest.fixture
async def sku(api: Api, eve: Viewer) -> str:
    """The SKU of a product whose stock has changed in each way."""
    sku = f"jug-{uuid4()}"
    await api.log.list_product(sku, name="Jug", price=250)
    stream, first, second = f"inventory-{sku}", "an-order", "another-order"
    await record(
        api,
        stream,
        f"operator:{eve.sub}",
        e.StockReceived(sku=sku, quantity=10),
        e.StockAdjusted(sku=sku, difference=-2, reason=AdjustmentReason.DAMAGED),
    )
    await api.log.append(
        stream,
        e.InventoryReserved(sku=sku, order_id=first, quantity=3),
        e.BackorderQueued(sku=sku, order_id=second, quantity=4, since=PLACED_AT),
        e.InventoryReleased(sku=sku, order_id=first, quantity=3),
        e.BackorderEnded(sku=sku, order_id=second, quantity=4),
        e.InventoryReserved(sku=sku, order_id=second, quantity=4),
        e.InventoryCommitted(sku=sku, order_id=second, quantity=4),
        e.StockReturned(sku=sku, order_id=second, quantity=1),
    )
    return sku


async def record(api: Api, stream: str, actor: str, *events: Event) -> None:
    metadata = EventMetadata(correlation_id=stream, actor=actor)
    new = [NewEvent(uuid4(), event, metadata) for event in events]
    await api.log.store.save_events(stream, new, ANY)


def nodes(page: Json) -> list[Json]:
    return [edge["node"] for edge in page["edges"]]


def figures(changes: list[Json]) -> list[tuple[int, ...]]:
    return [(each["onHand"], each["reserved"], each["available"]) for each in changes]


async def stock_history(viewer: Viewer, sku: str, **arguments: object) -> Json:
    page: Json = (await viewer.run("StockHistory", sku=sku, **arguments))["history"]
    return page


async def test_each_change_of_stock_has_the_figures_after_it(eve: Viewer, sku: str) -> None:
    changes = nodes(await stock_history(eve, sku))[::-1]
    stock = await eve.run("Stock", sku=sku)

    assert [each["kind"] for each in changes] == KINDS
    assert figures(changes) == FIGURES
    assert [each["quantity"] for each in changes] == [10, -2, 3, 4, 3, 4, 4, 4, 1]
    assert [each["reason"] for each in changes] == [None, "DAMAGED", *[None] * 7]
    assert [each["actor"] for each in changes[1:3]] == [f"operator:{eve.sub}", None]
    assert [each["orderId"] for each in changes[1:4]] == [None, "an-order", "another-order"]
    assert figures([stock]) == [FIGURES[-1]]
    assert (stock["received"], stock["shipped"]) == (10, 3)


async def test_the_figures_go_on_from_page_to_page_while_stock_changes(
    api: Api, eve: Viewer, sku: str
) -> None:
    found, after, pages = [], None, 0
    while after is not None or pages == 0:
        page = await stock_history(eve, sku, first=4, after=after)
        await api.log.receive(sku, 100)
        found += figures(nodes(page))
        after, pages = page["pageInfo"]["endCursor"], pages + 1
        if not page["pageInfo"]["hasNextPage"]:
            break

    assert found[::-1] == FIGURES
    assert pages == 3


async def test_a_product_without_stock_has_an_empty_history(api: Api, eve: Viewer) -> None:
    sku = f"jug-{uuid4()}"
    await api.log.list_product(sku)

    assert nodes(await stock_history(eve, sku)) == []


async def test_a_cursor_of_another_stock_is_refused(api: Api, eve: Viewer, sku: str) -> None:
    other = f"jug-{uuid4()}"
    await api.log.list_product(other)
    cursor = (await stock_history(eve, sku, first=1))["pageInfo"]["endCursor"]

    for wrong in (cursor, "c3RvY2s6eA", "nonsense"):
        answer = await eve.ask(operation("StockHistory"), sku=other, after=wrong)
        [error] = answer["errors"]
        assert error["extensions"]["code"] == "BAD_USER_INPUT"
        assert error["message"].startswith("after: this is not a cursor of this list")


@pytest.mark.parametrize("products", [1, 20])
async def test_the_histories_of_a_list_cost_two_statements(
    api: Api, eve: Viewer, engine: AsyncEngine, products: int
) -> None:
    for i in range(20):
        await api.log.list_product(f"a-{i:02}")
        await api.log.receive(f"a-{i:02}", i + 1)
    text = """query($first: Int!) { stocks(first: $first) { edges { node {
        sku history(first: 5) { edges { node { onHand } } } } } } }"""

    with counted(engine) as statements:
        answer = await eve.ask(text, first=products)

    edges = answer["data"]["stocks"]["edges"]
    assert len(edges) == products
    assert all(edge["node"]["history"]["edges"] for edge in edges)
    assert len(statements) == 1 + 2


async def test_a_product_shows_each_change_with_its_actor(api: Api, eve: Viewer, sku: str) -> None:
    price = Money(amount=300, currency="EUR")
    await record(
        api,
        f"product-{sku}",
        f"operator:{eve.sub}",
        ProductRenamed(sku=sku, name="Pitcher"),
        ProductPriceChanged(sku=sku, price=price),
        ProductDiscontinued(sku=sku),
    )
    first = await eve.run("ProductHistory", sku=sku, first=3)
    rest = await eve.run("ProductHistory", sku=sku, after=first["pageInfo"]["endCursor"])

    actor = f"operator:{eve.sub}"
    euros = {"currency": "EUR"}
    assert [tuple(each.values())[:4] for each in (*nodes(first), *nodes(rest))] == [
        ("DISCONTINUED", None, None, actor),
        ("PRICE_CHANGED", None, {"amount": 300, **euros}, actor),
        ("RENAMED", "Pitcher", None, actor),
        ("LISTED", "Jug", {"amount": 250, **euros}, None),
    ]
    assert (first["pageInfo"]["hasNextPage"], rest["pageInfo"]["hasNextPage"]) == (True, False)


async def test_a_product_that_was_never_listed_has_no_history(eve: Viewer) -> None:
    for sku in ("fork", "no\x00sku"):
        answer = await eve.ask(operation("ProductHistory"), sku=sku)
        assert (answer["data"], answer.get("errors")) == ({"productHistory": None}, None)


@pytest.mark.parametrize("name", ["StockHistory", "ProductHistory"])
async def test_customers_see_no_history(api: Api, sku: str, name: str) -> None:
    answer = await api.viewer().ask(operation(name), sku=sku)

    [error] = answer["errors"]
    assert error["extensions"]["code"] == "FORBIDDEN"
    assert list(answer["data"].values()) == [None]
