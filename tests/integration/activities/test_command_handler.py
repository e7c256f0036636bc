"""Handle commands at the same time on one stream."""

from __future__ import annotations

import asyncio
from uuid import uuid4

from activities.command_handler import CommandHandler, Step
from domain.errors import ErrorCode, Refused
from domain.inventory.commands import ReceiveStock, ReserveStock
from domain.inventory.decide import INVENTORY
from domain.inventory.state import InventoryState
from eventstore.postgres import PostgresEventStore
from kit.pool import Pool

ORDERS = [f"order-{number}" for number in range(8)]


async def reserved_at_once(handler: CommandHandler, stock: int) -> list[int | BaseException]:
    """Receive this many pieces of a SKU; let every order reserve one of them at the same time."""
    await handler.handle(step(), ReceiveStock(aggregate_id="sku", quantity=stock))
    reservations = [
        handler.handle(step(), ReserveStock(aggregate_id="sku", order_id=order, quantity=1))
        for order in ORDERS
    ]
    return await asyncio.gather(*reservations, return_exceptions=True)


def step() -> Step:
    return Step("test", uuid4().hex, "test")


async def test_concurrent_commands_are_decided_one_after_the_other(pool: Pool) -> None:
    handler = CommandHandler(PostgresEventStore(pool))

    answers = await reserved_at_once(handler, stock=3)

    refusals = [answer.code for answer in answers if isinstance(answer, Refused)]
    assert refusals == [ErrorCode.OUT_OF_STOCK] * 5
    state = await handler.load(INVENTORY, "sku")
    assert (state.reserved, state.available) == (3, 0)


async def test_a_command_is_decided_again_after_a_version_conflict(pool: Pool) -> None:
    handler = CommandHandler(PostgresEventStore(pool))

    answers = await reserved_at_once(handler, stock=8)

    assert [answer for answer in answers if isinstance(answer, BaseException)] == []
    assert await handler.load(INVENTORY, "sku") == InventoryState(
        received=8, reservations=dict.fromkeys(ORDERS, 1)
    )
