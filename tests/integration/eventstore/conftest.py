from __future__ import annotations

from uuid import uuid4

import asyncpg
import pytest

from domain.order.events import OrderReserved
from eventstore.envelope import EventMetadata, NewEvent, StreamAppend
from eventstore.postgres import PostgresEventStore
from eventstore.versions import ANY, ExpectedVersion
from kit.eventually import eventually
from kit.pool import Pool

METADATA = EventMetadata(correlation_id="test")
WAITS = "SELECT EXISTS (SELECT FROM pg_locks WHERE pid = $1 AND NOT granted)"


def some_events(count: int = 1, text: str = "x") -> list[NewEvent]:
    return [NewEvent(uuid4(), OrderReserved(order_id=text), METADATA) for _ in range(count)]


def to(stream_id: str, count: int = 1, expected: ExpectedVersion = ANY) -> StreamAppend:
    return StreamAppend(stream_id, some_events(count), expected)


async def waits_for_a_lock(observer: asyncpg.Connection, waiting: asyncpg.Connection) -> None:
    """Wait until the statement that runs on the other connection waits for a lock."""
    await eventually(lambda: observer.fetchval(WAITS, waiting.get_server_pid()), 10)


@pytest.fixture
def store(pool: Pool) -> PostgresEventStore:
    return PostgresEventStore(pool)
