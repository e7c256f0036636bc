"""Events of many orders, for the benchmarks of the bus."""

from __future__ import annotations

from typing import Final
from uuid import uuid4

from domain.order.events import OrderReserved
from eventstore.envelope import EventMetadata, NewEvent, StreamAppend
from eventstore.postgres import PostgresEventStore
from eventstore.versions import ANY
from kit.pool import Pool

STREAMS_AT_ONCE: Final = 200


async def append_events(pool: Pool, count: int) -> int:
    """Append so many events, each to an order of its own; return the last one's position."""
    store, last = PostgresEventStore(pool), 0
    for begin in range(0, count, STREAMS_AT_ONCE):
        appends = [_append() for _ in range(min(STREAMS_AT_ONCE, count - begin))]
        last = (await store.append(appends)).last_position
    return last


def _append() -> StreamAppend:
    order_id = str(uuid4())
    metadata = EventMetadata(correlation_id=order_id, actor="system")
    event = NewEvent(uuid4(), OrderReserved(order_id=order_id), metadata)
    return StreamAppend(f"order-{order_id}", [event], ANY)
