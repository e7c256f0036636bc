"""A restore loses the log's tail under running processes; two commands of operators repair it."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import httpx
import pytest

from eventstore.postgres import PostgresEventStore
from kit.eventually import eventually
from kit.local_http import local_client
from kit.pool import create_pool
from stack.system import System
from stack.tokens import Role
from tests.e2e.orders import (
    THERE,
    an_order,
    ask,
    customer,
    effects,
    events,
    reaches,
    recover,
)
from tests.support.api_client import Json
from tests.support.forks import ran
from tests.support.lost_tail import lose_tail

pytestmark = pytest.mark.timeout(180)
PAID_ONCE = {"authorized": 1, "captured": 1}
SENT_ONCE = {"created": 1, "dispatched": 1, "delivered": 1}
RELAYED = "SELECT position FROM eventstore.checkpoint WHERE name = 'relay'"


def operator(system: System) -> httpx.AsyncClient:
    headers = {"Authorization": f"Bearer {system.token(Role.OPERATOR, 'operator-of-the-test')}"}
    return local_client(base_url=system.url, headers=headers, timeout=20)


async def head(system: System) -> int:
    async with await create_pool(system.servers.database_url, size=1) as pool:
        return await PostgresEventStore(pool).safe_head()


async def relayed(system: System, position: int) -> None:
    """Wait until the relay's checkpoint is at this position or above."""
    async with await create_pool(system.servers.database_url, size=1) as pool:

        async def is_there() -> bool:
            return (await pool.fetchval(RELAYED) or 0) >= position

        await eventually(is_there, 20)


async def lose(system: System, after: int) -> None:
    async with await create_pool(system.servers.owner_url, size=1) as pool:
        await lose_tail(pool, after)


async def checkpoints_are(system: System, status: str) -> Json:
    """Return the check of readiness when it has this status: an answer is kept for a second."""
    async with local_client() as http, asyncio.timeout(10):
        while True:
            found: Json = (await http.get(f"{system.url}/readyz")).json()["checks"]["checkpoints"]
            if found["status"] == status:
                return found
            await asyncio.sleep(0.1)


async def set_right(system: System) -> list[str]:
    command = ("-m", "eventstore.checkpoints", "set-right")
    ended = await ran(*command, environment=system.environment)
    assert ended.code == 0
    return ended.out.splitlines()


async def test_an_order_lost_by_a_restore_is_restored_and_paid_once(
    unwatched: System,
) -> None:
    system = unwatched
    async with (
        customer(system) as http,
        operator(system) as staff,
    ):
        before = await head(system)
        order = an_order(THERE)
        order_id = (await ask(http, "PlaceOrder", input=order))["placeOrder"]["order"]["id"]
        await reaches(http, order_id, "DELIVERED")
        receipt = {"idempotencyKey": str(uuid4()), "sku": "TEA-01", "quantity": 3}
        received = (await ask(staff, "ReceiveStock", input=receipt))["receiveStock"]
        assert received["userErrors"] == []
        await relayed(system, await head(system))

        await lose(system, before)

        failing = await checkpoints_are(system, "failing")
        assert "checkpoint relay is at position " in failing["detail"]
        *lines, summary = await set_right(system)
        assert [line.split()[0] for line in lines][-1:] == ["relay"]
        assert summary.endswith(" set right.")
        await checkpoints_are(system, "ok")

        (again,) = (await ask(staff, "ReceiveStock", input=receipt))["receiveStock"]["userErrors"]
        assert again["code"] == "RECORD_LOST"
        refused = (await ask(http, "PlaceOrder", input=order))["placeOrder"]
        assert refused["order"] is None
        (error,) = refused["userErrors"]
        assert error["code"] == "ORDER_LOST"
        assert error["message"].endswith(f"make recover ORDER={order_id}")

        code, said = await recover(system, "--order", order_id)
        assert (code, said[0]) == (
            0,
            f"order {order_id}: it was lost from the log and was placed again",
        )

        found = await reaches(http, order_id, "DELIVERED")
        assert found["payment"]["captured"]["amount"] == 2580
        assert await effects(system.ports.payment_simulator_port, order_id) == PAID_ONCE
        assert await effects(system.ports.carrier_simulator_port, order_id) == SENT_ONCE
        replayed = (await ask(http, "PlaceOrder", input=order))["placeOrder"]
        assert (replayed["order"]["id"], replayed["userErrors"]) == (order_id, [])
        assert (await events(system, f"order-{order_id}"))[0] == "OrderCreated"
        await relayed(system, await head(system))
