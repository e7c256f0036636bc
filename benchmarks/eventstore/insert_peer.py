"""Run the upper bound: a prepared INSERT over asyncpg into a table with equal columns and indexes.

Each writer has a separate asyncpg connection without limits. It receives no position, checks no
version and detects no repeated append. Readers of its table would skip events.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final
from uuid import uuid4

import asyncpg

from benchmarks.eventstore.sample import TYPE, Orders, data_json, metadata_json
from benchmarks.load import Load, concurrent
from stack.postgres import connected

NAME: Final = "bare INSERT (asyncpg, prepared)"

_TABLE: Final = """
CREATE SCHEMA bare;
CREATE SEQUENCE bare.event_position;
CREATE TABLE bare.event (LIKE eventstore.event INCLUDING ALL);
ALTER TABLE bare.event ALTER position SET DEFAULT nextval('bare.event_position');
SELECT brin_desummarize_range(indexrelid, 0)  -- as migrations leave ours
FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
WHERE indrelid = 'bare.event'::regclass AND relam = (SELECT oid FROM pg_am WHERE amname = 'brin');
"""
_ONE: Final = """
INSERT INTO bare.event
    (stream_id, version, event_id, type, schema_version, data, metadata, recorded_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, clock_timestamp())
"""
_MANY: Final = """
INSERT INTO bare.event
    (stream_id, version, event_id, type, schema_version, data, metadata, recorded_at)
SELECT *, clock_timestamp()
FROM unnest($1::text[], $2::bigint[], $3::uuid[], $4::text[], $5::smallint[],
            $6::jsonb[], $7::jsonb[])
"""


@asynccontextmanager
async def inserting(url: str, writers: int, batch: int = 1) -> AsyncIterator[Load]:
    async with AsyncExitStack() as held:
        connections = [await held.enter_async_context(connected(url)) for _ in range(writers)]
        await connections[0].execute(_TABLE)
        writer = _single if batch == 1 else _batched(batch)
        yield concurrent([await writer(connection) for connection in connections], batch)


async def _single(connection: asyncpg.Connection) -> Callable[[], Awaitable[object]]:
    statement, orders = await connection.prepare(_ONE), Orders()

    def insert() -> Awaitable[object]:
        order_id, version = orders.advance()
        return statement.fetch(
            f"order-{order_id}",
            version + 1,
            uuid4(),
            TYPE,
            1,
            data_json(order_id).decode(),
            metadata_json(order_id).decode(),
        )

    return insert


def _batched(
    batch: int,
) -> Callable[[asyncpg.Connection], Awaitable[Callable[[], Awaitable[object]]]]:
    async def writer(connection: asyncpg.Connection) -> Callable[[], Awaitable[object]]:
        statement, orders = await connection.prepare(_MANY), Orders()

        def insert() -> Awaitable[object]:
            order_id, version = orders.advance(batch)
            return statement.fetch(
                [f"order-{order_id}"] * batch,
                [version + i for i in range(1, batch + 1)],
                [uuid4() for _ in range(batch)],
                [TYPE] * batch,
                [1] * batch,
                [data_json(order_id).decode() for _ in range(batch)],
                [metadata_json(order_id).decode()] * batch,
            )

        return insert

    return writer
