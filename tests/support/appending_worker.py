"""Append receipts of stock in a process of its own, so that a test can kill it.

    python -m tests.support.appending_worker URL

It prints the position of each append that PostgreSQL has confirmed.
"""

from __future__ import annotations

import asyncio
import sys
from itertools import count
from uuid import uuid4

from domain.inventory.events import StockReceived
from eventstore.envelope import EventMetadata, NewEvent
from eventstore.errors import AppendRolledBack
from eventstore.postgres import PostgresEventStore
from eventstore.versions import ANY
from kit.command import run_command
from kit.pool import Pool, create_pool
from kit.restart import is_database_away
from projections.inline import InlineReadModels

SKUS = 20
METADATA = EventMetadata(correlation_id="appending")


async def append(pool: Pool) -> None:
    store = PostgresEventStore(pool, [InlineReadModels()])
    for number in count():
        sku = f"busy-{number % SKUS}"
        new = NewEvent(uuid4(), StockReceived(sku=sku, quantity=1), METADATA)
        try:
            result = await store.save_events(f"inventory-{sku}", [new], ANY)
        except Exception as error:
            if not isinstance(error, AppendRolledBack) and not is_database_away(error):
                raise
        else:
            sys.stdout.write(f"{result.last_position}\n")
            sys.stdout.flush()


async def main(url: str) -> None:
    async with await create_pool(url, size=2) as pool:
        await append(pool)


if __name__ == "__main__":
    run_command(lambda: asyncio.run(main(sys.argv[1])))
