"""Each search of 100,000 orders reads a page off an index, or sorts only the orders it finds."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from eventstore.postgres import PostgresEventStore
from kit.engine import create_engine
from kit.pool import Pool
from queries.customer_events import CustomerEvents
from queries.events import EventQueries, EventSearch
from queries.keyset import PageRequest
from queries.order_filter import OrderFilter, TotalRange
from queries.order_sort import OrderOrder
from queries.order_waits import WaitingFor
from queries.orders import OrderQueries
from stack.postgres import connected
from tests.integration.queries.statements import Statement, counted

FILL = Path(__file__).with_name("many_orders.sql")
START = datetime(2026, 1, 1, tzinfo=UTC)
"""The time of the first order. Each later one was placed a minute after the one before it."""
MAX_READ = 2_000
"""The orders that a search may read or sort: far fewer than all."""

READ_FROM = {"order_view", "order_contact", "event"}

QUEUED = """
    UPDATE eventstore.event
    SET stream_id = 'inventory-mug', version = position, type = 'BackorderQueued'
    WHERE version = 2 AND stream_id IN ('order-o50007', 'order-o95007')
"""
"""Let two orders of a customer wait for stock instead of having a second event."""

Plan = dict[str, Any]

AT = START + timedelta(minutes=50_000)
SEARCHES = {
    "all": OrderFilter(),
    "customer": OrderFilter(customer_id="customer-7"),
    "email": OrderFilter(email_digest="digest-7"),
    "placed": OrderFilter(placed_from=AT, placed_before=AT + timedelta(minutes=700)),
    "sku": OrderFilter(sku="sku-77"),
    "reason": OrderFilter(reasons=["PARCEL_LOST"]),
    "return": OrderFilter(return_requested=True),
    "backordered": OrderFilter(backordered=True),
    "attention": OrderFilter(needs_attention=True),
    "neither": OrderFilter(needs_attention=False, backordered=False),
    "total": OrderFilter(total=TotalRange("EUR", 500, 600)),
    **{f"waits for {each}": OrderFilter(waiting_for=[each]) for each in WaitingFor},
    "waits": OrderFilter(waiting_for=list(WaitingFor), waiting_since=AT),
}


@pytest.fixture(scope="module")
async def filled(module_owner_url: str) -> None:
    async with connected(module_owner_url) as owner:
        await owner.execute(FILL.read_text())
        await owner.execute("VACUUM ANALYZE")


@pytest.fixture
async def engine(filled: None, module_api_url: str) -> AsyncIterator[AsyncEngine]:  # noqa: ARG001 - before it
    engine = create_engine(module_api_url)
    yield engine
    await engine.dispose()


def nodes(plan: Plan) -> Iterator[Plan]:
    yield plan
    for child in plan.get("Plans", ()):
        yield from nodes(child)


async def plan_of(engine: AsyncEngine, statement: Statement, *, generic: bool) -> list[Plan]:
    """Run the statement, and return the nodes of its plan with their figures.

    A generic plan is for any parameters. PostgreSQL may use it after five executions.
    """
    text, parameters = statement
    mode = "force_generic_plan" if generic else "force_custom_plan"
    values = ", ".join(_literal(value) for value in parameters)
    async with engine.connect() as connection:
        driver = (await connection.get_raw_connection()).driver_connection
        assert driver is not None
        await driver.execute(f"SET plan_cache_mode = {mode}; PREPARE search AS {text}")
        execute = f"EXECUTE search ({values})" if values else "EXECUTE search"
        answer = await driver.fetchval(f"EXPLAIN (ANALYZE, FORMAT JSON) {execute}")
        await driver.execute("DEALLOCATE search; RESET plan_cache_mode")
    return list(nodes(answer[0]["Plan"]))


def _literal(value: object) -> str:
    if isinstance(value, list):
        value = f"{{{','.join(value)}}}"
    return "NULL" if value is None else f"'{value}'"


def most_rows(nodes: Iterable[Plan]) -> int:
    """Return the most rows that one of these nodes has returned or rejected."""
    return max(
        (
            int(
                (node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"]
            )
            for node in nodes
        ),
        default=0,
    )


def assert_is_short(plan: list[Plan]) -> None:
    big = [node for node in plan if node.get("Relation Name") in READ_FROM]
    sorts = [node for node in plan if "Sort" in node["Node Type"]]
    assert big
    assert not [node for node in big if node["Node Type"] == "Seq Scan"]
    assert most_rows(big) <= MAX_READ
    assert most_rows(child for node in sorts for child in node["Plans"]) <= MAX_READ


async def both_pages(
    engine: AsyncEngine, wanted: OrderFilter, order: OrderOrder
) -> tuple[int, list[Statement]]:
    """Read two pages; return the number of their orders, and their statements."""
    orders = OrderQueries(engine)
    with counted(engine) as statements:
        first = await orders.page(wanted, PageRequest(20), order)
        after = order.key(first.items[-1])
        second = await orders.page(wanted, PageRequest(20, after=after), order)
    assert not {each.id for each in first.items} & {each.id for each in second.items}
    return len(first.items) + len(second.items), statements


@pytest.mark.parametrize("search", SEARCHES)
@pytest.mark.parametrize(
    "order", [OrderOrder.PLACED_AT_DESC, OrderOrder.UPDATED_AT_ASC, OrderOrder.UPDATED_AT_DESC]
)
async def test_a_search_reads_few_of_many_orders(
    engine: AsyncEngine, search: str, order: OrderOrder
) -> None:
    found, statements = await both_pages(engine, SEARCHES[search], order)

    assert (found, len(statements)) == (20 if search in {"customer", "email"} else 40, 3)
    for statement in statements:
        for generic in (False, True):
            assert_is_short(await plan_of(engine, statement, generic=generic))


@pytest.mark.parametrize("order", [OrderOrder.TOTAL_ASC, OrderOrder.TOTAL_DESC])
async def test_the_totals_of_a_currency_are_read_in_order(
    engine: AsyncEngine, order: OrderOrder
) -> None:
    _, statements = await both_pages(engine, OrderFilter(total=TotalRange("EUR")), order)

    for statement in statements:
        plan = await plan_of(engine, statement, generic=False)
        assert "order_view_total_idx" in {node.get("Index Name") for node in plan}
        assert not [node for node in plan if "Sort" in node["Node Type"]]
        assert_is_short(plan)


@pytest.mark.parametrize(
    ("wanted", "index"),
    [
        (OrderFilter(reference="PO-1005"), "order_view_reference_placed_idx"),
        (OrderFilter(tracking_number="T4711"), "shipment_view_tracking_idx"),
        (OrderFilter(payment_reference="pi_4711"), "payment_view_reference_idx"),
    ],
)
async def test_one_order_is_found_by_what_others_call_it(
    engine: AsyncEngine, wanted: OrderFilter, index: str
) -> None:
    with counted(engine) as statements:
        page = await OrderQueries(engine).page(wanted, PageRequest(20))

    [statement] = statements
    plan = await plan_of(engine, statement, generic=False)
    assert len(page.items) == 1
    assert index in {node.get("Index Name") for node in plan}
    assert_is_short(plan)


async def test_a_page_of_a_stream_reads_its_own_events_alone(
    engine: AsyncEngine, module_pool: Pool
) -> None:
    events = EventQueries(engine, PostgresEventStore(module_pool))
    with counted(engine) as statements:
        first = await events.page(EventSearch(1, stream="order-o77"))
        last = await events.page(EventSearch(1, first.items[0].position, "order-o77"))

    assert [each.version for page in (first, last) for each in page.items] == [1, 2]
    assert (first.has_next, last.has_next, len(statements)) == (True, False, 2)
    for statement in statements:
        for generic in (False, True):
            plan = await plan_of(engine, statement, generic=generic)
            assert "event_stream_version_key" in {node.get("Index Name") for node in plan}
            assert most_rows(node for node in plan if "Relation Name" in node) <= 2


@pytest.mark.parametrize("generic", [False, True])
async def test_the_notices_of_a_customer_read_the_events_of_few_orders(
    engine: AsyncEngine, module_owner_url: str, *, generic: bool
) -> None:
    """The customer has 20 of 100,000 orders, and two of them wait for stock."""
    async with connected(module_owner_url) as owner:
        await owner.execute(QUEUED)
    events, head = CustomerEvents(engine), 199_999
    with counted(engine) as statements:
        found = await events.after("customer-7", 150_000, head)
        await events.before("customer-7", head)
        await events.is_first_backorder("o95007", head)
        await events.customers(found)

    assert [(event.type, event.data["order_id"]) for event in found] == [
        ("BackorderQueued", "o95007")
    ]
    for statement in statements:
        assert_is_short(await plan_of(engine, statement, generic=generic))
