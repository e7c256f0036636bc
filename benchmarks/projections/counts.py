"""A following projection of the benchmarks: the number of events by type."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sqlalchemy import BigInteger, Column, MetaData, Table, Text

from domain.event import Event
from domain.order.events import OrderEvent
from eventstore.envelope import StoredEvent
from projections.change import Change, Plus, upsert
from projections.projection import Following, events_of
from stack.postgres import connected

event_count = Table(
    "event_count",
    MetaData(schema="readmodel"),
    Column("type", Text, primary_key=True),
    Column("events", BigInteger, default=0),
)

_TABLE: Final = """
CREATE TABLE readmodel.event_count (type text PRIMARY KEY, events bigint NOT NULL DEFAULT 0)
"""


def apply(_: Event, stored: StoredEvent) -> Sequence[Change]:
    return [upsert(event_count, stored.type, events=Plus(1))]


COUNTS: Final = Following("benchmark", 1, [event_count], events_of(OrderEvent), apply)


async def create_table(url: str) -> None:
    async with connected(url) as connection:
        await connection.execute(_TABLE)
