from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from domain.money import Money
from domain.order.events import OrderCompleted, OrderDelivered, OrderReserved, OrderShipped
from domain.order.state import OrderStatus
from domain.payment.events import PaymentDeclined, PaymentRequested
from domain.payment.state import PaymentStatus
from domain.shipping.events import ShipmentCreated, TrackingNumberAssigned
from domain.shipping.state import ShipmentStatus
from queries.keyset import Page, PageRequest, SortKey
from queries.order_filter import OrderFilter
from queries.order_sort import OrderOrder
from queries.order_view import OrderView, ShipmentView
from queries.orders import OrderQueries
from queries.products import ProductQueries
from tests.integration.queries.statements import counted
from tests.support.order_log import OrderLog
from tests.support.order_parts import a_line

EVERYTHING = OrderFilter()
EUR_5 = Money(amount=500, currency="EUR")


@pytest.fixture
async def five(orders: OrderQueries, log: OrderLog) -> list[SortKey]:
    """The keys of orders o1 to o5, in the order in which they were placed."""
    for i in range(1, 6):
        await log.place(f"o{i}")
    return [await key_of(orders, f"o{i}") for i in range(1, 6)]


async def key_of(orders: OrderQueries, order_id: str) -> SortKey:
    order = await orders.get(order_id)
    assert order is not None
    return OrderOrder.PLACED_AT_DESC.key(order)


def ids(page: Page[OrderView]) -> tuple[str, bool, bool]:
    return " ".join(order.id for order in page.items), page.has_previous, page.has_next


async def test_an_order_that_was_never_placed_is_none(orders: OrderQueries) -> None:
    assert await orders.get("nothing") is None


async def test_a_new_order_has_neither_payment_nor_shipment(
    orders: OrderQueries, log: OrderLog
) -> None:
    position = await log.place("o1", fingerprint="abc")

    order = await orders.get("o1")

    assert order is not None
    assert (order.status, order.customer_id, order.fingerprint) == (
        OrderStatus.PLACED,
        "ada",
        "abc",
    )
    assert order.total == EUR_5
    assert [(line.sku, line.name, line.quantity) for line in order.lines] == [("mug", "A mug", 2)]
    assert (order.lines[0].unit_price.amount, order.lines[0].total) == (250, EUR_5)
    assert (order.payment, order.shipment, order.position) == (None, None, position)


async def test_a_renamed_product_changes_no_old_order(orders: OrderQueries, log: OrderLog) -> None:
    await log.list_product("mug", name="Mug")
    await log.place("o1", lines=[a_line("mug", name="Mug")])
    before = await orders.get("o1")

    await log.list_product("mug", name="Beaker", price=999)

    assert before is not None
    assert [(line.id, line.name) for line in before.lines] == [("line-of-mug", "Mug")]
    assert await orders.get("o1") == before


async def test_an_order_has_the_position_of_its_latest_event_of_any_kind(
    orders: OrderQueries, log: OrderLog
) -> None:
    await log.place("o1")
    requested = PaymentRequested(order_id="o1", attempt=1, amount=EUR_5, method="pm")
    declined = PaymentDeclined(order_id="o1", attempt=1, reference="pi_1", code="card_declined")
    paid = await log.append("payment-o1", requested, declined)
    after_payment = await orders.get("o1")
    await log.append("shipment-o1", ShipmentCreated(order_id="o1", shipment_id="s1"))
    unnumbered = await orders.get("o1")
    shipped = await log.append(
        "shipment-o1",
        TrackingNumberAssigned(
            order_id="o1", tracking_number="T1", carrier="Post", tracking_url="https://p.example/T1"
        ),
    )
    after_shipment = await orders.get("o1")

    assert after_payment is not None
    assert after_payment.position == paid
    assert after_payment.payment is not None
    assert after_payment.payment.status is PaymentStatus.DECLINED
    assert after_payment.payment.decline_code == "card_declined"
    assert after_shipment is not None
    assert after_shipment.position == shipped
    assert unnumbered is not None
    assert unnumbered.shipment == ShipmentView(ShipmentStatus.CREATED, None, None, None)
    assert after_shipment.shipment == ShipmentView(
        ShipmentStatus.CREATED, "T1", "Post", "https://p.example/T1"
    )


async def test_an_order_is_open_until_its_return_window_has_closed(
    orders: OrderQueries, log: OrderLog
) -> None:
    assert await orders.has_open("ada") is False
    await log.place("o1")
    assert await orders.has_open("ada") is True
    assert await orders.has_open("bob") is False
    for milestone in (OrderShipped, OrderDelivered):
        await log.append("order-o1", milestone(order_id="o1"))
        assert await orders.has_open("ada") is True

    await log.append("order-o1", OrderCompleted(order_id="o1"))

    assert await orders.has_open("ada") is False


@pytest.mark.usefixtures("five")
async def test_the_first_page_is_the_newest_orders(orders: OrderQueries) -> None:
    assert ids(await orders.page(EVERYTHING, PageRequest(2))) == ("o5 o4", False, True)


async def test_forward_pages_meet_without_gap_or_overlap(
    orders: OrderQueries, five: list[SortKey]
) -> None:
    second = await orders.page(EVERYTHING, PageRequest(2, after=five[3]))
    third = await orders.page(EVERYTHING, PageRequest(2, after=five[1]))

    assert ids(second) == ("o3 o2", True, True)
    assert ids(third) == ("o1", True, False)


async def test_backward_pages_keep_the_order_of_the_list(
    orders: OrderQueries, five: list[SortKey]
) -> None:
    last = await orders.page(EVERYTHING, PageRequest(2, backward=True))
    before = await orders.page(EVERYTHING, PageRequest(2, backward=True, before=five[1]))
    first = await orders.page(EVERYTHING, PageRequest(2, backward=True, before=five[3]))

    assert ids(last) == ("o2 o1", True, False)
    assert ids(before) == ("o4 o3", True, True)
    assert ids(first) == ("o5", False, True)


async def test_oldest_first_pages_run_the_other_way(
    orders: OrderQueries, five: list[SortKey]
) -> None:
    first = await orders.page(EVERYTHING, PageRequest(2), OrderOrder.PLACED_AT_ASC)
    second = await orders.page(EVERYTHING, PageRequest(2, after=five[1]), OrderOrder.PLACED_AT_ASC)
    last = await orders.page(EVERYTHING, PageRequest(2, backward=True), OrderOrder.PLACED_AT_ASC)

    assert ids(first) == ("o1 o2", False, True)
    assert ids(second) == ("o3 o4", True, True)
    assert ids(last) == ("o4 o5", True, False)


async def test_a_page_between_two_keys_knows_both_sides(
    orders: OrderQueries, five: list[SortKey]
) -> None:
    page = await orders.page(EVERYTHING, PageRequest(9, after=five[4], before=five[0]))

    assert ids(page) == ("o4 o3 o2", True, True)


async def test_a_page_beyond_the_end_is_empty_and_has_only_a_previous_page(
    orders: OrderQueries, five: list[SortKey]
) -> None:
    page = await orders.page(EVERYTHING, PageRequest(2, after=five[0]))

    assert ids(page) == ("", True, False)


async def test_filters_apply_to_the_rows_and_to_the_page_information(
    orders: OrderQueries, log: OrderLog
) -> None:
    await log.place("mine", customer_id="ada")
    await log.place("other", customer_id="bob")
    await log.place("reserved", customer_id="ada")
    await log.append("order-reserved", OrderReserved(order_id="reserved"))

    of_ada = OrderFilter(customer_id="ada")
    assert ids(await orders.page(of_ada, PageRequest(2))) == ("reserved mine", False, False)
    placed_of_ada = OrderFilter("ada", [OrderStatus.PLACED])
    assert ids(await orders.page(placed_of_ada, PageRequest(2))) == ("mine", False, False)
    of_bob, mine = OrderFilter(customer_id="bob"), await key_of(orders, "mine")
    assert ids(await orders.page(of_bob, PageRequest(2, after=mine))) == ("", True, False)
    assert ids(await orders.page(OrderFilter(statuses=[]), PageRequest(2))) == ("", False, False)


@pytest.mark.parametrize("orders_placed", [1, 20])
async def test_a_list_of_orders_of_any_length_costs_one_statement(
    engine: AsyncEngine, orders: OrderQueries, log: OrderLog, orders_placed: int
) -> None:
    lines = [a_line(sku, quantity=1, unit_price=10) for sku in ("mug", "pot", "pan")]
    for i in range(orders_placed):
        await log.place(f"o{i}", lines=lines)

    with counted(engine) as statements:
        page = await orders.page(EVERYTHING, PageRequest(20))

    assert (len(page.items), len(statements)) == (orders_placed, 1)


async def test_metadata_is_found_through_its_index(
    engine: AsyncEngine, orders: OrderQueries, log: OrderLog
) -> None:
    for i in range(20):
        await log.place(f"o{i}", metadata={"channel": "web" if i % 2 else "shop", "n": str(i)})

    with counted(engine) as statements:
        await orders.page(OrderFilter(metadata=("channel", "web")), PageRequest(20))
    async with engine.connect() as connection:
        await connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
        await connection.exec_driver_sql("SET LOCAL enable_indexscan = off")
        [(text, parameters)] = statements
        plan = await connection.exec_driver_sql(f"EXPLAIN {text}", parameters)
        assert "on order_view_metadata_idx" in "\n".join(row[0] for row in plan)


async def test_orders_are_found_by_the_shops_reference_and_metadata(
    orders: OrderQueries, log: OrderLog
) -> None:
    await log.place("o1", reference="PO-7", metadata={"channel": "web", "till": "4"})
    await log.place("o2", reference="PO-7", metadata={"channel": "shop"}, customer_id="bob")
    await log.place("o3", reference="PO-70", metadata={"channel": "we", "web": "channel"})
    await log.place("o4")

    async def found(**wanted: Any) -> str:  # noqa: ANN401 - the fields of a filter
        return ids(await orders.page(OrderFilter(**wanted), PageRequest(9)))[0]

    assert await found(reference="PO-7") == "o2 o1"
    assert await found(reference="PO-7", customer_id="bob") == "o2"
    assert await found(reference="po-7") == ""
    assert await found(metadata=("channel", "web")) == "o1"
    assert await found(metadata=("till", "4"), reference="PO-7") == "o1"
    assert await found(metadata=("till", "5")) == ""


@pytest.mark.parametrize(
    "value", ["it's", 'a "quote"', "a \\ b", "50 %", ":name $1 {x}", "';--", "Zürich", "__[POST]"]
)
async def test_metadata_of_any_text_is_found_as_it_was_written(
    orders: OrderQueries, log: OrderLog, value: str
) -> None:
    await log.place("o1", metadata={"note": value})
    await log.place("o2", metadata={"note": f"{value}."})

    found = await orders.page(OrderFilter(metadata=("note", value)), PageRequest(9))

    assert ids(found)[0] == "o1"


async def test_an_order_shows_its_reference_and_metadata(
    orders: OrderQueries, log: OrderLog
) -> None:
    await log.place("o1", reference="PO-7", metadata={"channel": "web"})
    await log.place("o2")

    first, second = await orders.get("o1"), await orders.get("o2")

    assert first is not None
    assert second is not None
    assert (first.reference, first.metadata) == ("PO-7", {"channel": "web"})
    assert (second.reference, second.metadata) == (None, {})


async def test_products_come_by_sku_with_what_is_on_hand(
    engine: AsyncEngine, log: OrderLog
) -> None:
    await log.list_product("pot", name="Pot", price=999, currency="GBP")
    await log.list_product("mug", name="Mug")
    await log.receive("mug", 7)
    products = ProductQueries(engine)

    first = await products.page(PageRequest(1))
    second = await products.page(PageRequest(1, after="mug"))

    assert [(p.sku, p.name, p.available) for p in first.items] == [("mug", "Mug", 7)]
    assert (first.has_previous, first.has_next) == (False, True)
    assert [(p.sku, p.price, p.available) for p in second.items] == [
        ("pot", Money(amount=999, currency="GBP"), 0)
    ]
    assert (second.has_previous, second.has_next) == (True, False)
    assert list(await products.get_all(["pot", "none"])) == ["pot"]
    assert await products.get("none") is None
