"""Select the orders that are read to find those without a workflow."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta

import pytest

from activities.reconciliation import open_orders
from activities.reconciliation.open_orders import OpenOrders
from eventstore.postgres import PostgresEventStore
from kit.pool import Pool, create_pool

NO_TIME, AN_HOUR = timedelta(0), timedelta(hours=1)

INSERT = """
    INSERT INTO readmodel.order_view
        (order_id, customer_id, status, currency, total, lines, fingerprint,
         placed_at, updated_at, placed_position, position)
    VALUES ($1, 'customer-1', $2, 'EUR', 100, '[]', 'f', now(), now() - interval '1 minute', $3, $3)
"""


@pytest.fixture
async def pool(owner_url: str) -> AsyncIterator[Pool]:
    """A pool with the owner's role, because these tests do what no process may do."""
    async with await create_pool(owner_url) as pool:
        yield pool


class SafeUpTo(PostgresEventStore):
    """A store whose safe head the test sets."""

    def __init__(self, pool: Pool, head: int) -> None:
        super().__init__(pool)
        self.head = head

    async def safe_head(self) -> int:
        return self.head


@dataclass
class Orders:
    pool: Pool

    async def placed(self, position: int, status: str = "CONFIRMED") -> str:
        order_id = f"order-{position}"
        async with self.pool.acquire() as connection:
            await connection.execute(INSERT, order_id, status, position)
        return order_id

    async def complete(self, order_id: str) -> None:
        sql = "UPDATE readmodel.order_view SET status = 'COMPLETED' WHERE order_id = $1"
        async with self.pool.acquire() as connection:
            await connection.execute(sql, order_id)

    async def open(self, head: int, grace: timedelta = NO_TIME) -> list[str]:
        found = OpenOrders(self.pool, SafeUpTo(self.pool, head), grace).all()
        return [order.order_id async for page in found for order in page if order.is_at_rest]


@pytest.fixture
async def orders(pool: Pool) -> Orders:
    await pool.execute("SELECT setval('eventstore.event_position', 1000)")
    return Orders(pool)


async def test_open_orders_are_found_oldest_first_over_all_pages(
    orders: Orders, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(open_orders, "PAGE", 2)
    placed = [await orders.placed(position) for position in range(1, 8)]
    assert await orders.open(head=7) == placed
    assert await orders.open(head=7) == placed


@pytest.mark.parametrize("status", ["COMPLETED", "REJECTED", "CANCELLED", "RETURNED"])
async def test_final_orders_are_not_open(orders: Orders, status: str) -> None:
    await orders.placed(1, status)
    assert await orders.open(head=1) == []


async def test_a_recent_change_is_left_for_the_next_run(orders: Orders) -> None:
    order_id = await orders.placed(1)
    assert await orders.open(head=1, grace=AN_HOUR) == []
    assert await orders.open(head=1) == [order_id]


async def test_an_older_order_that_appears_later_than_a_younger_one_is_not_missed(
    orders: Orders,
) -> None:
    younger = await orders.placed(20)
    assert await orders.open(head=9) == [younger]
    older = await orders.placed(10)
    assert await orders.open(head=20) == [older, younger]


async def test_an_order_that_appears_later_is_found_when_no_order_is_open(orders: Orders) -> None:
    await orders.placed(5, "COMPLETED")
    assert await orders.open(head=9) == []
    later = await orders.placed(10)
    assert await orders.open(head=10) == [later]


async def test_orders_before_the_oldest_open_one_are_not_read_again(orders: Orders) -> None:
    first, second = await orders.placed(1), await orders.placed(2)
    await orders.complete(first)
    assert await orders.open(head=2) == [second]
    await orders.placed(1_000, "COMPLETED")
    async with orders.pool.acquire() as connection:
        position = await connection.fetchval(
            "SELECT position FROM eventstore.checkpoint WHERE name = $1", open_orders.CHECKPOINT
        )
    assert position == 1
