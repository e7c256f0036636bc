from __future__ import annotations

from uuid import uuid4

import pytest

from domain.order.events import OrderReserved
from eventstore.envelope import EventMetadata, NewEvent, StreamAppend
from eventstore.pool import Pool
from eventstore.postgres import PostgresEventStore
from eventstore.versions import ANY, ExpectedVersion

METADATA = EventMetadata(correlation_id="test")


def some_events(count: int = 1, text: str = "x") -> list[NewEvent]:
    return [NewEvent(uuid4(), OrderReserved(order_id=text), METADATA) for _ in range(count)]


def to(stream_id: str, count: int = 1, expected: ExpectedVersion = ANY) -> StreamAppend:
    return StreamAppend(stream_id, some_events(count), expected)


@pytest.fixture
def store(pool: Pool) -> PostgresEventStore:
    return PostgresEventStore(pool)
