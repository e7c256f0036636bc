"""Orders are found by their facts, in each order of the list."""

from __future__ import annotations

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from domain.inventory.events import BackorderQueued
from domain.order import events as order
from domain.order.commands import CancellationReason, RejectionReason
from domain.order.price import Price
from domain.payment import events as payment
from queries.keyset import PageRequest, SortKey
from queries.order_filter import OrderFilter, TotalRange
from queries.order_sort import OrderOrder
from queries.order_waits import WaitingFor
from queries.orders import OrderQueries
from tests.integration.queries.searching import EUR_5, Search, parked
from tests.integration.queries.statements import counted
from tests.support.order_log import OrderLog
from tests.support.order_parts import PLACED_AT, a_line


async def test_orders_are_found_by_one_of_their_skus(search: Search, log: OrderLog) -> None:
    await log.place("o1", lines=[a_line("mug"), a_line("pot")])
    await log.place("o2", lines=[a_line("pot")])
    await log.place("o3", lines=[a_line("po", name="pot")])

    assert await search.found(sku="pot") == "o1 o2"
    assert await search.found(sku="mug") == "o1"
    assert await search.found(sku="line-of-mug") == ""


async def test_a_time_placed_is_found_from_its_start_and_not_at_its_end(
    search: Search, log: OrderLog
) -> None:
    for name in ("o1", "o2", "o3"):
        await log.place(name)
    second, third = [(await search.order(name)).placed_at for name in ("o2", "o3")]

    assert await search.found(placed_from=second, placed_before=third) == "o2"
    assert await search.found(placed_from=second) == "o2 o3"
    assert await search.found(placed_before=second) == "o1"


async def test_totals_are_found_and_sorted_within_one_currency(
    search: Search, log: OrderLog
) -> None:
    for name, amount in (("o1", 300), ("o2", 100), ("o3", 200), ("o4", 200)):
        await log.place(name, lines=[a_line(unit_price=amount)])
    lines = [a_line(unit_price=200)]
    await log.place("o5", lines=lines, price=Price.of(lines, "GBP"))

    async def found(by: OrderOrder, *bounds: int | None) -> str:
        return await search.found(by, total=TotalRange("EUR", *bounds))

    assert await found(OrderOrder.TOTAL_ASC) == "o2 o3 o4 o1"
    assert await found(OrderOrder.TOTAL_DESC) == "o1 o4 o3 o2"
    assert await found(OrderOrder.TOTAL_ASC, 100, 200) == "o2 o3 o4"
    assert await found(OrderOrder.TOTAL_ASC, 101, None) == "o3 o4 o1"
    assert await found(OrderOrder.TOTAL_ASC, None, 199) == "o2"


async def test_orders_are_found_by_the_reason_of_their_end(search: Search, log: OrderLog) -> None:
    for name in ("o1", "o2", "o3"):
        await log.place(name)
    rejected = order.OrderRejected(order_id="o1", reason=RejectionReason.OUT_OF_STOCK, sku="mug")
    await log.append("order-o1", rejected)
    lost = order.OrderCancellationRequested(order_id="o2", reason=CancellationReason.PARCEL_LOST)
    await log.append("order-o2", lost)

    assert await search.found(reasons=["OUT_OF_STOCK"]) == "o1"
    assert await search.found(reasons=["OUT_OF_STOCK", "PARCEL_LOST"]) == "o1 o2"
    assert await search.found(reasons=[]) == ""


async def test_an_order_is_found_by_the_names_of_carrier_and_provider(search: Search) -> None:
    await search.ship("o1")
    await search.ship("o2")

    assert await search.found(tracking_number="T-o1") == "o1"
    assert await search.found(payment_reference="pi_o2") == "o2"
    assert await search.found(tracking_number="T-o1", payment_reference="pi_o2") == ""


async def test_a_flag_finds_the_orders_with_it_or_without_it(search: Search, log: OrderLog) -> None:
    for name in ("o1", "o2"):
        await search.ship(name)
    requested = order.OrderReturnRequested(
        order_id="o1", lines=(), refund=Price(currency="EUR", lines=0, total=0)
    )
    await search.move("o1", order.OrderDelivered)
    await log.append("order-o1", requested)
    await log.append(
        "inventory-mug", BackorderQueued(sku="mug", order_id="o2", quantity=1, since=PLACED_AT)
    )
    await log.append("saga-o2", parked("o2"))

    assert await search.found(return_requested=True) == "o1"
    assert await search.found(return_requested=False) == "o2"
    by = OrderOrder.UPDATED_AT_ASC
    assert await search.found(backordered=True) == "o2"
    assert await search.found(by, backordered=False) == "o1"
    assert await search.found(needs_attention=True) == "o2"
    assert await search.found(by, needs_attention=False) == "o1"


async def test_an_update_moves_an_order_to_the_end_of_the_list(
    search: Search, orders: OrderQueries, log: OrderLog
) -> None:
    for name in ("o1", "o2", "o3"):
        await log.place(name)
    await search.move("o1", order.OrderReserved)
    await log.append(
        "payment-o2",
        payment.PaymentRequested(order_id="o2", attempt=1, amount=EUR_5, method="pm_card_visa"),
    )
    by = OrderOrder.UPDATED_AT_ASC
    first = await orders.page(OrderFilter(), PageRequest(1), by)
    rest = await orders.page(OrderFilter(), PageRequest(9, after=by.key(first.items[-1])), by)

    assert await search.found(by) == "o2 o3 o1"
    assert await search.found(OrderOrder.UPDATED_AT_DESC) == "o1 o3 o2"
    assert await search.found(by, customer_id="ada") == "o2 o3 o1"
    assert [each.id for each in (*first.items, *rest.items)] == ["o2", "o3", "o1"]
    assert (first.has_next, rest.has_previous, rest.has_next) == (True, True, False)


async def all_pages(
    orders: OrderQueries, wanted: OrderFilter, by: OrderOrder, *, backward: bool
) -> list[str]:
    """Read the list in pages of two from one of its ends; return the ids in the list's order."""
    ids: list[str] = []
    request: PageRequest[SortKey] = PageRequest(2, backward=backward)
    while True:
        page = await orders.page(wanted, request, by)
        found = [each.id for each in page.items]
        ids = [*found, *ids] if backward else [*ids, *found]
        if not (page.has_previous if backward else page.has_next):
            return ids
        if backward:
            request = PageRequest(2, backward=True, before=by.key(page.items[0]))
        else:
            request = PageRequest(2, after=by.key(page.items[-1]))


@pytest.mark.parametrize("by", list(OrderOrder))
async def test_pages_of_one_order_make_the_whole_list(
    orders: OrderQueries, log: OrderLog, by: OrderOrder
) -> None:
    for i in range(5):
        await log.place(f"o{i}", lines=[a_line(unit_price=100 + i % 2)])
    wanted = OrderFilter(total=TotalRange("EUR") if by.is_by_total else None)
    whole = [each.id for each in (await orders.page(wanted, PageRequest(9), by)).items]

    forward = await all_pages(orders, wanted, by, backward=False)
    backward = await all_pages(orders, wanted, by, backward=True)

    assert len(whole) == 5
    assert forward == backward == whole


@pytest.mark.parametrize("placed", [1, 20])
@pytest.mark.parametrize("wanted", [OrderFilter(), OrderFilter(waiting_for=list(WaitingFor))])
async def test_a_search_of_any_length_costs_one_statement_and_a_count_another(
    engine: AsyncEngine, search: Search, orders: OrderQueries, placed: int, wanted: OrderFilter
) -> None:
    for i in range(placed):
        await search.confirm(f"o{i}")

    with counted(engine) as statements:
        page = await orders.page(wanted, PageRequest(20), OrderOrder.UPDATED_AT_DESC)
        assert len(statements) == 1
        count = await orders.count(wanted)

    assert (len(page.items), count, len(statements)) == (placed, placed, 2)
