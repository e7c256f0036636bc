"""Append events by commands, and read the rows that they make."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import asyncpg

from domain.command import Command
from domain.errors import Refused
from domain.event import Event
from domain.registry import aggregate_of
from eventstore.envelope import EventMetadata, NewEvent, StoredEvent
from eventstore.postgres import PostgresEventStore
from eventstore.versions import ANY
from kit.pool import create_pool
from projections.inline import InlineReadModels
from stack.postgres import connected
from tests.integration.projections.folds import ReadModel, Row
from tests.support.keys import a_vault

METADATA = EventMetadata(correlation_id="test")
KEYS = ("order_id", "sku", "step", "system", "number")


@dataclass
class Log:
    """The events since the read models were last emptied."""

    store: PostgresEventStore
    owner: asyncpg.Connection
    """The owner may empty a table; the role that appends may not."""
    streams: dict[str, list[StoredEvent]] = field(default_factory=dict)
    states: dict[str, Any] = field(default_factory=dict)
    types: set[type[Event]] = field(default_factory=set)

    async def clear(self, models: Sequence[ReadModel]) -> None:
        for kept in (self.streams, self.states, self.types):
            kept.clear()
        for model in models:
            await self.owner.execute(f"DELETE FROM readmodel.{model.table}")  # noqa: S608 - our own names

    def decide(self, command: Command) -> Sequence[Event]:
        """Return the events of the command: none when it is refused."""
        aggregate = aggregate_of(command)
        stream_id = aggregate.stream(command.aggregate_id)
        try:
            return aggregate.decide(command, self.states.get(stream_id, aggregate.initial))
        except Refused:
            return []

    async def append(self, command: Command) -> None:
        aggregate, events = aggregate_of(command), self.decide(command)
        stream_id = aggregate.stream(command.aggregate_id)
        new = [NewEvent(uuid4(), event, METADATA) for event in events]
        result = await self.store.save_events(stream_id, new, ANY)
        stored = await self.store.load_events(stream_id, result.versions[0] - 1)
        self.streams.setdefault(stream_id, []).extend(stored)
        self.states[stream_id] = aggregate.fold(events, self.states.get(stream_id))
        self.types.update(map(type, events))

    async def append_each(self, *commands: Command) -> None:
        """Append the events of each command in turn, but none for those that are refused."""
        for command in commands:
            if self.decide(command):
                await self.append(command)

    async def rows(self, model: ReadModel) -> Sequence[Row]:
        found = await self.owner.fetch(f"SELECT * FROM readmodel.{model.table}")  # noqa: S608 - our own names
        return in_order(dict(row) for row in found)

    def folded(self, model: ReadModel) -> Sequence[Row]:
        return in_order(row for stream in self.streams.values() for row in model.fold(stream))


def in_order(rows: Iterable[Row]) -> Sequence[Row]:
    return sorted(rows, key=lambda row: [row.get(key, "") for key in KEYS])


@asynccontextmanager
async def opened(database_url: str, owner_url: str) -> AsyncIterator[Log]:
    async with await create_pool(database_url) as pool, connected(owner_url) as owner:
        await owner.set_type_codec(
            "jsonb", schema="pg_catalog", encoder=json.dumps, decoder=json.loads
        )
        yield Log(PostgresEventStore(pool, [InlineReadModels()], a_vault(pool)), owner)
