"""Run the upper bound: read the log without decoding it, and COPY the known rows.

The rows are in PostgreSQL's binary form, and their table has no index.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Final

import asyncpg

from projections.columns import stored_columns
from projections.tables import order_view
from stack.postgres import connected

NAME: Final = "bare COPY and bare read (asyncpg)"
PAGE: Final = 5_000

_TABLE: Final = """
CREATE SCHEMA bare;
CREATE TABLE bare.order_view (LIKE readmodel.order_view INCLUDING DEFAULTS INCLUDING STORAGE)
"""
_LOG: Final = """
SELECT position, stream_id, version, event_id, type, schema_version,
       data::text, metadata::text, recorded_at
FROM eventstore.event
WHERE stream_id >= 'order-' AND stream_id < 'order.'
"""


@asynccontextmanager
async def copying(url: str) -> AsyncIterator[Callable[[], Awaitable[float]]]:
    """Yield the peer of a database whose order view is filled."""
    with TemporaryDirectory() as folder:
        rows = Path(folder) / "rows"
        async with connected(url) as connection:
            await connection.execute(_TABLE)
            await connection.copy_from_table(
                order_view.name,
                schema_name="readmodel",
                columns=list(stored_columns(order_view)),
                output=rows,
                format="binary",
            )
            yield partial(_read_and_copy, connection, rows)


async def _read_and_copy(connection: asyncpg.Connection, rows: Path) -> float:
    await connection.execute("TRUNCATE bare.order_view")
    began = perf_counter()
    events = await _read(connection)
    await connection.copy_to_table(
        order_view.name,
        schema_name="bare",
        columns=list(stored_columns(order_view)),
        source=rows,
        format="binary",
    )
    return events / (perf_counter() - began)


async def _read(connection: asyncpg.Connection) -> int:
    count = 0
    async with connection.transaction(readonly=True):
        cursor = await connection.cursor(_LOG)
        while page := await cursor.fetch(PAGE):
            count += len(page)
    return count
