"""Reserve one product for several orders at once, in a process that kills itself.

    python -m tests.support.reserving_worker URL before|after

It is killed before or after the commit of the first transaction that several steps share.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Sequence

from activities.command_handler import CommandHandler, Step
from domain.idempotency import KeyUse
from domain.inventory.commands import ReserveStock
from eventstore.envelope import AppendResult, StoredEvent
from eventstore.loaded import Decide, Wanted
from eventstore.postgres import PostgresEventStore
from kit.command import run_command
from kit.pool import Connection, Pool, create_pool

SKU = "hot"
ORDERS = tuple(f"order-{number}" for number in range(6))


class Trapdoor:
    """An inline projection that kills the process before the commit of several events."""

    async def apply(self, connection: Connection, events: Sequence[StoredEvent]) -> None:
        del connection
        if len(events) > 1:
            die()


class LastCommit(PostgresEventStore):
    """A store that kills the process after the commit of several events."""

    async def append_decided(
        self, wanted: Wanted, decide: Decide, key: KeyUse | None = None
    ) -> AppendResult | None:
        result = await super().append_decided(wanted, decide, key)
        if result is not None and len(result.positions) > 1:
            die()
        return result


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def store_of(pool: Pool, when: str) -> PostgresEventStore:
    return PostgresEventStore(pool, [Trapdoor()]) if when == "before" else LastCommit(pool)


async def reserve_all(handler: CommandHandler) -> None:
    await asyncio.gather(
        *(
            handler.handle(
                Step(f"order-{order}", "reserve", order),
                ReserveStock(aggregate_id=SKU, order_id=order, quantity=1),
            )
            for order in ORDERS
        )
    )


async def main(url: str, when: str) -> None:
    async with await create_pool(url, size=2) as pool:
        await reserve_all(CommandHandler(store_of(pool, when)))


if __name__ == "__main__":
    run_command(lambda: asyncio.run(main(*sys.argv[1:])))
