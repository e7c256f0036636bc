"""Another writer that holds a product for long delays its orders, and stops none of them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import asyncpg

from domain.inventory.state import InventoryState
from kit.eventually import eventually
from kit.pool import Pool
from tests.support.sagas import PATIENT, Sagas, an_order

LOCK = "SELECT pg_advisory_xact_lock(7002, hashtext($1))"
FAILED = "SELECT code FROM journal.failed_attempts WHERE order_id = $1 AND step = 'reserve'"
HASTY = replace(
    PATIENT, provider_timeout=timedelta(seconds=1), parked_retry=timedelta(milliseconds=100)
)


@asynccontextmanager
async def held(owner: asyncpg.Connection, sku: str) -> AsyncIterator[None]:
    """Hold the lock that every writer of this product's stock needs."""
    async with owner.transaction():
        await owner.execute(LOCK, f"inventory-{sku}")
        yield


async def parkings(sagas: Sagas, order_id: str) -> list[dict[str, Any]]:
    stored = await sagas.store.load_events(f"saga-{order_id}")
    return [event.data for event in stored if event.type == "SagaParked"]


async def test_a_step_that_is_cut_off_parks_with_its_cause_and_completes_later(
    sagas: Sagas, owner: asyncpg.Connection, pool: Pool
) -> None:
    sku = await sagas.stocked(5)
    sagas = replace(sagas, deadlines=HASTY)
    async with held(owner, sku):
        order_id = await sagas.place(an_order((sku, 2)))
        assert await sagas.events(f"order-{order_id}") == ["OrderCreated"]

        async def is_parked() -> bool:
            return bool(await parkings(sagas, order_id))

        await eventually(is_parked, 60)
        assert await sagas.inventory(sku) == InventoryState(received=5)

    events = await sagas.until(f"order-{order_id}", "OrderConfirmed")
    assert events.count("OrderReserved") == 1
    assert await sagas.inventory(sku) == InventoryState(received=5, reservations={order_id: 2})
    parked = (await parkings(sagas, order_id))[0]
    assert (parked["step"], parked["undoing"], parked["code"]) == ("reserve", False, "NO_ANSWER")
    assert {row["code"] for row in await pool.fetch(FAILED, order_id)} == {"NO_ANSWER"}


async def test_an_order_is_placed_while_its_product_is_held_and_reserved_after_it(
    sagas: Sagas, owner: asyncpg.Connection
) -> None:
    sku = await sagas.stocked(5)
    async with held(owner, sku):
        order_id = await sagas.place(an_order((sku, 2)))
        assert await sagas.events(f"order-{order_id}") == ["OrderCreated"]

    await sagas.until(f"order-{order_id}", "OrderConfirmed")

    assert await sagas.inventory(sku) == InventoryState(received=5, reservations={order_id: 2})
    assert await parkings(sagas, order_id) == []


async def test_a_step_that_is_cut_off_once_runs_again_and_parks_nothing(
    sagas: Sagas, owner: asyncpg.Connection, pool: Pool
) -> None:
    sku = await sagas.stocked(5)
    async with held(owner, sku):
        order_id = await sagas.place(an_order((sku, 2)))

        async def has_failed() -> bool:
            return bool(await pool.fetch(FAILED, order_id))

        await eventually(has_failed, 60)

    await sagas.until(f"order-{order_id}", "OrderConfirmed")

    assert await sagas.inventory(sku) == InventoryState(received=5, reservations={order_id: 2})
    assert await parkings(sagas, order_id) == []
