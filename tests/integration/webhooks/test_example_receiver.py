"""Our sender delivers an order's events to the example of a receiver, over real HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final
from uuid import uuid4

import httpx
import pytest

from benchmarks.saga.driver import key_use
from domain.order import events as o
from kit.eventually import eventually
from kit.local_http import local_client
from tests.integration.webhooks.world import Registered, World
from tests.support.example_process import rows, running
from tests.support.order_log import OrderLog
from tests.support.simulators import free_port

ORDERS: Final = "SELECT stream, version, type FROM orders ORDER BY stream"
SEEN: Final = "SELECT count(*) FROM seen"
OTHER_SECRET: Final = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo="  # noqa: S105 - of no webhook


@dataclass
class Example:
    """The webhook of the example, and the database of the example."""

    webhook: Registered
    port: int
    file: Path

    @asynccontextmanager
    async def listening(self, secret: str = "") -> AsyncIterator[None]:
        """Run the example with the webhook's secret, or with this one, until the block ends."""
        environment = {"SECRET": secret or self.webhook.secret}
        async with (
            running("receive_webhook.py", str(self.port), str(self.file), environment=environment),
            local_client(base_url=f"http://127.0.0.1:{self.port}") as http,
        ):
            await eventually(lambda: _answers(http), 30)
            yield

    def has_seen(self, count: int) -> bool:
        return rows(self.file, SEEN) == [(count,)]

    async def has(self, orders: list[tuple[object, ...]], seen: int) -> None:
        """Wait until the example has taken this number of events: then it knows these orders."""
        await eventually(lambda: self.has_seen(seen), 30)
        assert rows(self.file, ORDERS) == orders

    async def catches_up(self, world: World, seen: int) -> None:
        """Let pauses pass until the example has taken this number of events."""

        async def has_caught_up() -> bool:
            await world.pass_time(self.webhook, timedelta(minutes=5))
            return self.has_seen(seen)

        await eventually(has_caught_up, 30)


async def _answers(http: httpx.AsyncClient) -> bool:
    try:
        return (await http.post("/", content=b"{}")).status_code == 400
    except httpx.TransportError:
        return False


async def _nothing_waits(world: World, example: Example) -> bool:
    return await world.waiting(example.webhook) == []


@pytest.fixture
async def example(world: World, tmp_path: Path) -> Example:
    port = free_port()
    webhook = await world.register(f"http://127.0.0.1:{port}/hooks")
    return Example(webhook, port, tmp_path / "orders.db")


@pytest.fixture
def log(world: World) -> OrderLog:
    return OrderLog(world.store)


async def happens(log: OrderLog, order_id: str, *events: type[o.OrderMilestone]) -> None:
    await log.append(f"order-{order_id}", *(event(order_id=order_id) for event in events))


def last(order_id: str, version: int, event: str) -> tuple[object, ...]:
    return (f"order-{order_id}", version, f"waybill.{event}.v1")


async def test_the_example_follows_an_order_that_our_sender_delivers(
    world: World, example: Example, log: OrderLog
) -> None:
    order_id = str(uuid4())
    async with example.listening(), world.sending():
        await log.place(order_id)
        await world.receive("cup")
        await happens(log, order_id, o.OrderReserved, o.OrderAuthorized, o.OrderConfirmed)
        await happens(log, order_id, o.OrderShipped)
        await example.has([last(order_id, 5, "OrderShipped")], 6)
        assert await world.until_attempted(example.webhook, 6) == [("delivered", 204)] * 6

        await world.registry.replay(example.webhook.id, 0)
        await world.until_attempted(example.webhook, 12)
        await example.has([last(order_id, 5, "OrderShipped")], 6)


async def test_an_example_that_was_killed_gets_the_rest_when_it_is_back(
    world: World, example: Example, log: OrderLog
) -> None:
    first, second = sorted(str(uuid4()) for _ in range(2))
    async with world.sending():
        async with example.listening():
            await log.place(first)
            await example.has([last(first, 1, "OrderCreated")], 1)
        await happens(log, first, o.OrderReserved, o.OrderAuthorized)
        await log.place(second)
        await world.until_attempted(example.webhook, 2)
        async with example.listening():
            await example.catches_up(world, 4)
            await example.has(
                [last(first, 3, "OrderAuthorized"), last(second, 1, "OrderCreated")], 4
            )
            await world.until(lambda: _nothing_waits(world, example))


async def test_the_example_takes_the_test_event_of_our_sender(
    world: World, example: Example
) -> None:
    async with example.listening(), world.sending():
        await world.registry.test(example.webhook.id, key=key_use("testWebhook"))
        await example.has([], 1)


async def test_an_example_with_another_secret_stores_nothing(
    world: World, example: Example, log: OrderLog
) -> None:
    order_id = str(uuid4())
    async with world.sending():
        async with example.listening(OTHER_SECRET):
            await log.place(order_id)
            assert await world.until_attempted(example.webhook, 1) == [("rejected", 400)]
            await example.has([], 0)
        async with example.listening():
            await example.catches_up(world, 1)
            await example.has([last(order_id, 1, "OrderCreated")], 1)
