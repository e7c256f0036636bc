"""Every row of every read model is the fold of its stream's events, after each event."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from domain.command import Command
from domain.errors import Refused
from domain.event import Event
from domain.registry import AGGREGATES, EVENT_TYPES, aggregate_of
from eventstore.envelope import EventMetadata, NewEvent, StoredEvent
from eventstore.postgres import PostgresEventStore
from eventstore.versions import ANY
from kit.pool import create_pool
from projections.inline import InlineReadModels
from stack.postgres import connected
from tests.integration.projections.commands import COMMANDS
from tests.integration.projections.folds import READ_MODELS, ReadModel, Row
from tests.support.keys import a_vault

METADATA = EventMetadata(correlation_id="test")
MIN_COMMANDS, MAX_COMMANDS = 8, 20
SETTINGS = settings(
    max_examples=30,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.generate],  # shrinking over a real database takes longer than a test may
)
KEYS = ("order_id", "sku", "step", "system", "number")
TABLES = "SELECT table_name FROM information_schema.tables WHERE table_schema = 'readmodel'"


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

    async def rows(self, model: ReadModel) -> Sequence[Row]:
        found = await self.owner.fetch(f"SELECT * FROM readmodel.{model.table}")  # noqa: S608 - our own names
        return in_order(dict(row) for row in found)

    def folded(self, model: ReadModel) -> Sequence[Row]:
        return in_order(row for stream in self.streams.values() for row in model.fold(stream))


def in_order(rows: Iterable[Row]) -> Sequence[Row]:
    return sorted(rows, key=lambda row: [row.get(key, "") for key in KEYS])


def events_of(category: str) -> set[type[Event]]:
    """Return every type of event that a stream of this category may hold."""
    decide = next(a.decide for a in AGGREGATES.values() if a.category == category)
    module = decide.__module__.replace(".decide", ".events")
    return {event for event in EVENT_TYPES.values() if event.__module__ == module}


@asynccontextmanager
async def opened(database_url: str, owner_url: str) -> AsyncIterator[Log]:
    async with await create_pool(database_url) as pool, connected(owner_url) as owner:
        await owner.set_type_codec(
            "jsonb", schema="pg_catalog", encoder=json.dumps, decoder=json.loads
        )
        yield Log(PostgresEventStore(pool, [InlineReadModels()], a_vault(pool)), owner)


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    """Hypothesis calls a plain function for each example: all of them share one event loop."""
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture
def log(runner: asyncio.Runner, database_url: str, owner_url: str) -> Iterator[Log]:
    stack = AsyncExitStack()
    yield runner.run(stack.enter_async_context(opened(database_url, owner_url)))
    runner.run(stack.aclose())


def possible_commands(log: Log, category: str, *, only_new: bool) -> Sequence[Command]:
    """Return the commands that append something; only those with a new type of event, if any."""
    possible = [command for command in COMMANDS[category] if log.decide(command)]
    new = [command for command in possible if {type(e) for e in log.decide(command)} - log.types]
    return new if only_new and new else possible


async def compare(log: Log, category: str, data: st.DataObject) -> None:
    """Append events by commands drawn at random, and compare every row after each command."""
    models = [model for model in READ_MODELS if model.category == category]
    await log.clear(models)
    for _ in range(data.draw(st.integers(MIN_COMMANDS, MAX_COMMANDS))):
        if not (possible := possible_commands(log, category, only_new=data.draw(st.booleans()))):
            return
        await log.append(data.draw(st.sampled_from(possible)))
        for model in models:
            assert await log.rows(model) == log.folded(model), model.table


@pytest.mark.parametrize("category", COMMANDS)
def test_every_row_is_the_fold_of_its_streams_events(
    category: str, log: Log, runner: asyncio.Runner
) -> None:
    appended: set[type[Event]] = set()

    @SETTINGS
    @given(st.data())
    def example(data: st.DataObject) -> None:
        runner.run(compare(log, category, data))
        appended.update(log.types)

    example()
    assert appended == events_of(category)


async def test_every_table_of_the_read_models_is_compared(owner: asyncpg.Connection) -> None:
    tables = {row["table_name"] for row in await owner.fetch(TABLES)}
    assert tables == {model.table for model in READ_MODELS}
