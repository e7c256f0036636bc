"""Operators read the stock of each product, and correct it."""

from __future__ import annotations

from uuid import uuid4

import pytest

from kit.eventually import eventually
from tests.support.api_client import Api, Json, Viewer, operation
from tests.support.api_inputs import UNCOLLECTED_ADDRESS, line


@pytest.fixture
def eve(api: Api) -> Viewer:
    return api.viewer("operator")


@pytest.fixture
def ada(api: Api) -> Viewer:
    return api.viewer()


@pytest.fixture
async def sku(api: Api) -> str:
    """The SKU of a product with five pieces on hand."""
    sku = f"bowl-{uuid4()}"
    await api.log.list_product(sku)
    await api.log.receive(sku, 5)
    api.temporal.forget()
    return sku


def adjusting(sku: str, difference: int, reason: str = "COUNTED") -> dict[str, object]:
    return {
        "idempotencyKey": str(uuid4()),
        "sku": sku,
        "difference": difference,
        "reason": reason,
    }


def codes(payload: Json) -> list[tuple[str, list[str] | None]]:
    return [(error["code"], error["field"]) for error in payload["userErrors"]]


def figures(stock: Json) -> tuple[int, ...]:
    names = ("received", "onHand", "reserved", "available", "waiting")
    return tuple(stock[name] for name in names)


async def reserved(api: Api, viewer: Viewer, sku: str, quantity: int) -> str:
    """Place an order whose pieces stay reserved, and return its id."""
    order_id = await viewer.place(lines=[line(sku, quantity)], shippingAddress=UNCOLLECTED_ADDRESS)
    await api.sagas.until(f"order-{order_id}", "OrderReserved")
    return order_id


async def test_reserved_pieces_are_on_hand_and_not_available(
    api: Api, eve: Viewer, ada: Viewer, sku: str
) -> None:
    await reserved(api, ada, sku, 3)
    waiting = await ada.place(lines=[line(sku, 4)], backorder=True)
    await api.sagas.until(f"inventory-{sku}", "BackorderQueued")

    stock = await eve.run("Stock", sku=sku)

    assert stock["sku"] == sku
    assert figures(stock) == (5, 5, 3, 2, 4)
    assert (await ada.run("Order", id=waiting))["backordered"] is True
    assert (await eve.run("Product", sku=sku))["available"] == 2


async def test_shipped_pieces_are_no_longer_on_hand(
    api: Api, eve: Viewer, ada: Viewer, sku: str
) -> None:
    order_id = await ada.place(lines=[line(sku, 2)])
    await api.sagas.delivered(order_id)
    await api.sagas.until(f"order-{order_id}", "OrderDelivered")

    assert figures(await eve.run("Stock", sku=sku)) == (5, 3, 0, 3, 0)


async def test_a_product_without_stock_has_none_and_an_unknown_one_is_null(
    api: Api, eve: Viewer
) -> None:
    await api.log.list_product("empty-bowl")

    assert figures(await eve.run("Stock", sku="empty-bowl")) == (0, 0, 0, 0, 0)
    for sku in ("no-such-bowl", "no sku"):
        assert (await eve.ask(operation("Stock"), sku=sku))["data"] == {"stock": None}


async def test_the_stock_of_all_products_is_paged_by_sku(api: Api, eve: Viewer) -> None:
    for number in range(3):
        await api.log.list_product(f"a-tray-{number}")
        await api.log.receive(f"a-tray-{number}", number + 1)

    first = await eve.run("Stocks", first=2)
    second = await eve.run("Stocks", first=1, after=first["pageInfo"]["endCursor"])

    nodes = [edge["node"] for edge in (*first["edges"], *second["edges"])]
    assert [(node["sku"], node["onHand"]) for node in nodes] == [
        ("a-tray-0", 1),
        ("a-tray-1", 2),
        ("a-tray-2", 3),
    ]


async def test_stock_is_for_staff_to_read_and_to_adjust(api: Api, ada: Viewer, sku: str) -> None:
    answers = [
        await ada.ask(operation("Stock"), sku=sku),
        await ada.ask(operation("Stocks")),
        await ada.ask(operation("AdjustStock"), input=adjusting(sku, -1)),
    ]

    assert [answer["data"] for answer in answers] == [{"stock": None}, None, None]
    assert [answer["errors"][0]["extensions"] for answer in answers] == [{"code": "FORBIDDEN"}] * 3
    assert api.temporal.workflow_ids == []
    assert await api.events_of(sku, "inventory") == ["StockReceived"]


@pytest.mark.parametrize(
    ("difference", "reason"), [(-2, "DAMAGED"), (-1, "LOST"), (4, "FOUND"), (-5, "COUNTED")]
)
async def test_stock_is_adjusted_once_for_a_key(
    api: Api, eve: Viewer, sku: str, difference: int, reason: str
) -> None:
    request = adjusting(sku, difference, reason)

    first, again = [await eve.run("AdjustStock", input=request) for _ in range(2)]

    assert first["userErrors"] == []
    assert figures(first["stock"]) == (5, 5 + difference, 0, 5 + difference, 0)
    assert again == first
    _, adjusted = await api.log.store.load_events(f"inventory-{sku}")
    assert adjusted.data == {"sku": sku, "difference": difference, "reason": reason}
    assert adjusted.metadata.actor == f"operator:{eve.sub}"
    assert api.number(first["position"]) == adjusted.position


async def test_the_same_adjustment_under_another_key_is_another_one(
    api: Api, eve: Viewer, sku: str
) -> None:
    for difference in (-1, 1, -1):
        payload = await eve.run("AdjustStock", input=adjusting(sku, difference))

    assert figures(payload["stock"]) == (5, 4, 0, 4, 0)
    assert await api.events_of(sku, "inventory") == ["StockReceived", *["StockAdjusted"] * 3]


async def test_a_key_identifies_one_adjustment(api: Api, eve: Viewer, sku: str) -> None:
    request = adjusting(sku, -1)
    await eve.run("AdjustStock", input=request)

    other = await eve.run("AdjustStock", input=request | {"difference": -2})

    assert codes(other) == [("IDEMPOTENCY_KEY_REUSED", ["input", "idempotencyKey"])]
    assert await api.events_of(sku, "inventory") == ["StockReceived", "StockAdjusted"]


async def test_no_more_pieces_are_taken_away_than_are_there(
    api: Api, eve: Viewer, ada: Viewer, sku: str
) -> None:
    await reserved(api, ada, sku, 3)

    refused = await eve.run("AdjustStock", input=adjusting(sku, -6, "DAMAGED"))

    assert codes(refused) == [("INSUFFICIENT_STOCK", ["input", "difference"])]
    assert (refused["stock"], refused["position"]) == (None, None)
    assert figures(await eve.run("Stock", sku=sku)) == (5, 5, 3, 2, 0)


async def test_an_order_that_an_adjustment_leaves_short_needs_attention(
    api: Api, eve: Viewer, ada: Viewer, sku: str
) -> None:
    order_id = await reserved(api, ada, sku, 3)

    payload = await eve.run("AdjustStock", input=adjusting(sku, -4, "DAMAGED"))
    await api.sagas.until(f"saga-{order_id}", "DiscrepancyFound")

    assert figures(payload["stock"]) == (5, 1, 3, -2, 0)
    assert (await ada.run("Product", sku=sku))["available"] == 0
    assert await needing_attention(eve, ada) == [order_id]
    [discrepancy] = (await eve.run("Saga", orderId=order_id))["discrepancies"]
    assert (discrepancy["system"], discrepancy["ours"], discrepancy["theirs"]) == (
        "STOCK",
        f"3 of {sku} reserved",
        f"not on hand: {sku}",
    )
    explained = await eve.run("Explain", orderId=order_id)
    assert f"not on hand: {sku}" in str(explained)


async def test_the_attention_ends_when_the_missing_pieces_arrive(
    api: Api, eve: Viewer, ada: Viewer, sku: str
) -> None:
    order_id = await reserved(api, ada, sku, 3)
    await eve.run("AdjustStock", input=adjusting(sku, -4, "LOST"))
    await api.sagas.until(f"saga-{order_id}", "DiscrepancyFound")

    receipt = {"idempotencyKey": str(uuid4()), "sku": sku, "quantity": 2}
    await eve.run("ReceiveStock", input=receipt)
    await api.sagas.until(f"saga-{order_id}", "DiscrepancyResolved")
    await api.sagas.until(f"shipment-{order_id}", "ShipmentCreated")

    await eventually(lambda: _needs_none(eve, ada))
    assert figures(await eve.run("Stock", sku=sku)) == (7, 3, 3, 0, 0)


async def _needs_none(staff: Viewer, customer: Viewer) -> bool:
    return await needing_attention(staff, customer) == []


async def needing_attention(staff: Viewer, customer: Viewer) -> list[str]:
    """Return the customer's orders that need attention."""
    wanted = {"customerId": customer.sub, "needsAttention": True}
    page = await staff.run("Orders", filter=wanted)
    return [edge["node"]["id"] for edge in page["edges"]]


async def test_goods_that_came_back_without_an_order_are_in_stock_with_their_reason(
    eve: Viewer, sku: str
) -> None:
    payload = await eve.run("AdjustStock", input=adjusting(sku, 2, "RETURNED"))

    assert figures(payload["stock"]) == (5, 7, 0, 7, 0)
    newest, _ = (await eve.run("StockHistory", sku=sku))["history"]["edges"]
    change = newest["node"]
    assert (change["kind"], change["quantity"], change["reason"], change["actor"]) == (
        "ADJUSTED",
        2,
        "RETURNED",
        f"operator:{eve.sub}",
    )


async def test_pieces_that_are_found_go_to_an_order_that_waits(
    api: Api, eve: Viewer, ada: Viewer, sku: str
) -> None:
    order_id = await ada.place(lines=[line(sku, 7)], backorder=True)
    await api.sagas.until(f"inventory-{sku}", "BackorderQueued")

    await eve.run("AdjustStock", input=adjusting(sku, 2, "FOUND"))

    await api.sagas.until(f"order-{order_id}", "OrderReserved")
    assert figures(await eve.run("Stock", sku=sku))[4] == 0


@pytest.mark.parametrize(
    ("difference", "reason"),
    [
        *((0, "COUNTED"), (1, "DAMAGED"), (1, "LOST")),
        *((-1, "FOUND"), (-1, "RETURNED"), (1_000_001, "FOUND")),
    ],
)
async def test_a_difference_that_its_reason_cannot_have_is_refused(
    api: Api, eve: Viewer, sku: str, difference: int, reason: str
) -> None:
    payload = await eve.run("AdjustStock", input=adjusting(sku, difference, reason))

    assert codes(payload) == [("INVALID_QUANTITY", ["input", "difference"])]
    assert api.temporal.workflow_ids == []
    assert await api.events_of(sku, "inventory") == ["StockReceived"]


async def test_each_invalid_input_of_an_adjustment_is_named(eve: Viewer) -> None:
    request = adjusting("no-such-bowl", 0) | {"idempotencyKey": "no key"}

    payload = await eve.run("AdjustStock", input=request)

    assert codes(payload) == [
        ("INVALID_INPUT", ["input", "idempotencyKey"]),
        ("UNKNOWN_SKU", ["input", "sku"]),
        ("INVALID_QUANTITY", ["input", "difference"]),
    ]
