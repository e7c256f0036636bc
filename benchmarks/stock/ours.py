"""Reserve stock as the worker does, with the inline read models."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final
from uuid import uuid4

from activities.command_handler import CommandHandler, Step
from domain.inventory.commands import ReceiveStock, ReserveStock
from eventstore.postgres import PostgresEventStore
from kit.pool import create_pool
from projections.inline import InlineReadModels

PIECES: Final = 1_000_000
CONNECTIONS: Final = 16


class OurStock:
    def __init__(self, handler: CommandHandler) -> None:
        self._handler = handler

    async def receive(self, skus: Sequence[str]) -> None:
        receipts = (ReceiveStock(aggregate_id=sku, quantity=PIECES) for sku in skus)
        await self._handler.handle(_step(), *receipts)

    async def reserve(self, skus: Sequence[str]) -> None:
        """Reserve a piece of each for a new order, all or none."""
        order_id = uuid4().hex
        lines = (ReserveStock(aggregate_id=sku, order_id=order_id, quantity=1) for sku in skus)
        await self._handler.handle(_step(), *lines)


def _step() -> Step:
    return Step("benchmark", uuid4().hex, "benchmark")


@asynccontextmanager
async def our_stock(url: str, skus: Sequence[str]) -> AsyncIterator[OurStock]:
    async with await create_pool(url, size=CONNECTIONS) as pool:
        stock = OurStock(CommandHandler(PostgresEventStore(pool, [InlineReadModels()])))
        await stock.receive(skus)
        yield stock
