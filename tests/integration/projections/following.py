"""A following projection of the tests, its tables, and the rows that a plain replay gives."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import Any, Final
from uuid import uuid4

import asyncpg
from sqlalchemy import BigInteger, Column, Integer, MetaData, Table, Text

from domain.event import Event
from domain.inventory.events import InventoryReserved, StockReceived
from eventstore.envelope import EventMetadata, NewEvent, StoredEvent
from eventstore.postgres import PostgresEventStore
from eventstore.versions import ANY
from kit.eventually import eventually
from kit.pool import Pool
from projections.change import Change, Given, Plus, Row, Step, upsert
from projections.follower import Follower
from projections.projection import Following
from settings import DatabaseRole

METADATA: Final = MetaData(schema="readmodel")
EVENT_METADATA: Final = EventMetadata(correlation_id="test")

sku_receipts = Table(
    "sku_receipts",
    METADATA,
    Column("sku", Text, primary_key=True),
    Column("pieces", BigInteger, default=0),
    Column("receipts", Integer, default=0),
    Column("last", BigInteger),
    Column("rises", Integer, default=0),
)
order_pieces = Table(
    "order_pieces",
    METADATA,
    Column("order_id", Text, primary_key=True),
    Column("pieces", BigInteger, default=0),
)
CREATE: Final = f"""
    CREATE TABLE readmodel.sku_receipts (
        sku text PRIMARY KEY COLLATE "C",
        pieces bigint NOT NULL DEFAULT 0 CHECK (pieces < 1000000),
        receipts int NOT NULL DEFAULT 0,
        last bigint,
        rises int NOT NULL DEFAULT 0
    );
    CREATE TABLE readmodel.order_pieces (
        order_id text PRIMARY KEY COLLATE "C",
        pieces bigint NOT NULL DEFAULT 0
    );
    ALTER TABLE readmodel.sku_receipts OWNER TO {DatabaseRole.PROJECTIONS.group};
    ALTER TABLE readmodel.order_pieces OWNER TO {DatabaseRole.PROJECTIONS.group};
"""

Rows = Mapping[str, Sequence[tuple[Any, ...]]]


def apply(event: StockReceived | InventoryReserved, _: StoredEvent) -> Sequence[Step]:
    """Count the pieces; those of an order come from several streams."""
    match event:
        case StockReceived(sku=sku, quantity=quantity):
            counted = upsert(sku_receipts, sku, pieces=Plus(quantity), receipts=Plus(1))
            return [counted, Given(sku_receipts, (sku,), lambda row: compared(sku, row, quantity))]
        case InventoryReserved(order_id=order_id, quantity=quantity):
            return [upsert(order_pieces, order_id, pieces=Plus(quantity))]


def compared(sku: str, row: Row | None, quantity: int) -> Sequence[Change]:
    """Count how often a receipt is larger than the one before, which depends on their order."""
    assert row is not None
    is_larger = row["last"] is not None and quantity > row["last"]
    return [upsert(sku_receipts, sku, last=quantity, rises=Plus(int(is_larger)))]


def following(
    apply: Callable[[Any, StoredEvent], Sequence[Step]] = apply, *, version: int = 1
) -> Following:
    events = (StockReceived, InventoryReserved)
    return Following("receipts", version, [sku_receipts, order_pieces], events, apply)


RECEIPTS: Final = following()


async def append(store: PostgresEventStore, *events: StockReceived | InventoryReserved) -> int:
    """Append each event to the stream of its product, and return the last position."""
    position = 0
    for event in events:
        new = NewEvent(uuid4(), event, EVENT_METADATA)
        result = await store.save_events(f"inventory-{event.sku}", [new], ANY)
        position = result.last_position
    return position


def received(sku: str, *quantities: int) -> Sequence[StockReceived]:
    return [StockReceived(sku=sku, quantity=quantity) for quantity in quantities]


def reserved(sku: str, order_id: str, quantity: int) -> InventoryReserved:
    return InventoryReserved(sku=sku, order_id=order_id, quantity=quantity)


def replayed(events: Iterable[Event]) -> Rows:
    """Return the rows that these events give, in the order of the log."""
    receipts: defaultdict[str, list[int]] = defaultdict(list)
    orders: defaultdict[str, int] = defaultdict(int)
    for event in events:
        match event:
            case StockReceived():
                receipts[event.sku].append(event.quantity)
            case InventoryReserved():
                orders[event.order_id] += event.quantity
    return {
        "sku_receipts": [
            (sku, sum(all_), len(all_), all_[-1], sum(b > a for a, b in pairwise(all_)))
            for sku, all_ in sorted(receipts.items())
        ],
        "order_pieces": sorted(orders.items()),
    }


async def log_replayed(store: PostgresEventStore) -> Rows:
    events = await store.load_all_events(0, 1_000_000)
    return replayed(stored.decode() for stored in events)


async def rows(connection: asyncpg.Connection, schema: str = "readmodel") -> Rows:
    return {
        table: [
            tuple(row)
            for row in await connection.fetch(f"SELECT * FROM {schema}.{table} ORDER BY 1")  # noqa: S608 - our own names
        ]
        for table in ("sku_receipts", "order_pieces")
    }


@asynccontextmanager
async def leading(pool: Pool, projection: Following = RECEIPTS) -> AsyncIterator[asyncio.Task[Any]]:
    """Run a follower until the block ends. Raises what has ended it before."""
    follower = Follower(pool, PostgresEventStore(pool), projection)
    task = asyncio.create_task(follower.run())
    try:
        yield task
    finally:
        if not task.done():
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
    if not task.cancelled():
        task.result()


async def has_followed(
    connection: asyncpg.Connection, position: int, projection: Following = RECEIPTS
) -> None:
    """Wait until the projection has taken the log up to this position."""

    async def is_there() -> bool:
        return (await position_of(connection, projection)) >= position

    await eventually(is_there, 10)


async def position_of(connection: asyncpg.Connection, projection: Following = RECEIPTS) -> int:
    found = "SELECT position FROM eventstore.checkpoint WHERE name = $1"
    return await connection.fetchval(found, projection.checkpoint) or 0


async def follow_to(
    pool: Pool, connection: asyncpg.Connection, position: int, projection: Following = RECEIPTS
) -> None:
    """Lead the projection until it has taken the log up to this position."""
    async with leading(pool, projection):
        await has_followed(connection, position, projection)
