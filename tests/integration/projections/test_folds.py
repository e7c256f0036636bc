"""Every row of every read model is the fold of its stream's events, after each event.

The statements of an append and the folds in memory make the same rows.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack
from operator import attrgetter

import asyncpg
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from domain.command import Command
from domain.event import Event
from domain.registry import AGGREGATES, EVENT_TYPES
from eventstore.envelope import StoredEvent
from projections.registry import FOLLOWING
from tests.integration.projections.commands import COMMANDS
from tests.integration.projections.folds import READ_MODELS
from tests.integration.projections.log import Log, opened
from tests.integration.projections.refold import Refold, refolding

MIN_COMMANDS, MAX_COMMANDS = 8, 20
SETTINGS = settings(
    max_examples=30,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.generate],  # shrinking over a real database takes longer than a test may
)
# A recount compares the analytics: tests/integration/analytics.
TABLES = """
    SELECT table_name FROM information_schema.tables
    WHERE table_schema = 'readmodel' AND table_name NOT LIKE 'analytics%'
"""


def events_of(category: str) -> set[type[Event]]:
    """Return every type of event that a stream of this category may hold."""
    decide = next(a.decide for a in AGGREGATES.values() if a.category == category)
    module = decide.__module__.replace(".decide", ".events")
    return {event for event in EVENT_TYPES.values() if event.__module__ == module}


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


@pytest.fixture
def refold(category: str, runner: asyncio.Runner, owner_url: str) -> Iterator[Refold]:
    stack = AsyncExitStack()
    yield runner.run(stack.enter_async_context(refolding(owner_url, category)))
    runner.run(stack.aclose())


def possible_commands(log: Log, category: str, *, only_new: bool) -> Sequence[Command]:
    """Return the commands that append something; only those with a new type of event, if any."""
    possible = [command for command in COMMANDS[category] if log.decide(command)]
    new = [command for command in possible if {type(e) for e in log.decide(command)} - log.types]
    return new if only_new and new else possible


def batches(events: Sequence[StoredEvent], data: st.DataObject) -> Iterator[Sequence[StoredEvent]]:
    while events:
        size = data.draw(st.integers(1, len(events)))
        yield events[:size]
        events = events[size:]


async def compare_folds(log: Log, refold: Refold, data: st.DataObject) -> None:
    """Fold the events in memory, in batches and by streams, and compare the rows."""
    streams = log.streams.values()
    events = sorted((e for stream in streams for e in stream), key=attrgetter("position"))
    assert await refold.in_batches(batches(events, data)) == []
    assert await refold.of_whole_streams(streams) == []


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
    category: str, log: Log, refold: Refold, runner: asyncio.Runner
) -> None:
    appended: set[type[Event]] = set()

    @SETTINGS
    @given(st.data())
    def example(data: st.DataObject) -> None:
        runner.run(compare(log, category, data))
        runner.run(compare_folds(log, refold, data))
        appended.update(log.types)

    example()
    assert appended == events_of(category)


async def test_every_table_of_the_inline_read_models_is_compared(owner: asyncpg.Connection) -> None:
    tables = {row["table_name"] for row in await owner.fetch(TABLES)}
    following = {table.name for projection in FOLLOWING for table in projection.tables}
    assert tables - following - {"order_contact"} == {model.table for model in READ_MODELS}
