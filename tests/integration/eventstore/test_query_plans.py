"""The hot queries find their rows by an index, in order, however long the log is."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any, cast

import asyncpg
import pytest

from benchmarks.eventstore.fill import fill
from benchmarks.eventstore.sample import new_events
from eventstore.pool import Pool
from eventstore.postgres import PostgresEventStore
from stack.postgres import connected

EVENTS = 100_000
Plan = dict[str, Any]

# Plans as they ran, also of what ran inside a function, sent to the client that asked.
EXPLAIN_EVERYTHING = """
LOAD 'auto_explain';
SET auto_explain.log_min_duration = 0;
SET auto_explain.log_nested_statements = on;
SET auto_explain.log_format = json;
SET client_min_messages = log;
"""


@pytest.fixture(scope="module")
async def long_log(module_database_url: str) -> str:
    await fill(module_database_url, EVENTS)
    return module_database_url


class ExplainedPool:
    """One connection, and the plan of every scan of the log that was made over it."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection
        self.scans: list[str] = []
        self.sorted = False

    @asynccontextmanager
    async def acquire(self) -> AsyncIterator[asyncpg.Connection]:
        yield self._connection

    def note(self, _: object, message: asyncpg.PostgresLogMessage) -> None:
        _, found, plan = message.message.partition("plan:\n")
        if found:
            for node in nodes(json.loads(plan)["Plan"]):
                self.sorted |= "Sort" in node["Node Type"]
                if node.get("Relation Name") == "event":
                    self.scans.append(f"{node['Node Type']} by {node.get('Index Name')}")


def nodes(plan: Plan) -> Iterator[Plan]:
    yield plan
    for below in plan.get("Plans", ()):
        yield from nodes(below)


@pytest.fixture
async def explained(long_log: str) -> AsyncIterator[ExplainedPool]:
    async with connected(long_log) as connection:
        pool = ExplainedPool(connection)
        await connection.execute(EXPLAIN_EVERYTHING)
        connection.add_log_listener(pool.note)
        yield pool
        connection.remove_log_listener(pool.note)


@pytest.fixture
def store(explained: ExplainedPool) -> PostgresEventStore:
    return PostgresEventStore(cast("Pool", explained))


async def stream_of(url: str, position: int) -> str:
    async with connected(url) as connection:
        statement = "SELECT stream_id FROM eventstore.event WHERE position = $1"
        return str(await connection.fetchval(statement, position))


async def test_a_stream_is_read_by_its_index(
    store: PostgresEventStore, explained: ExplainedPool, long_log: str
) -> None:
    events = await store.load_events(await stream_of(long_log, 1), from_version=4)

    assert [event.version for event in events] == [5, 6, 7, 8, 9, 10]
    assert explained.scans == ["Index Scan by event_stream_version_key"]
    assert not explained.sorted


async def test_a_page_of_the_log_is_read_by_position(
    store: PostgresEventStore, explained: ExplainedPool
) -> None:
    events = await store.load_all_events(from_position=50_000, limit=1000)

    assert [event.position for event in events] == list(range(50_001, 51_001))
    head_looks_for_events_above_the_sequence = "Index Only Scan by event_pkey"
    assert explained.scans == [head_looks_for_events_above_the_sequence, "Index Scan by event_pkey"]
    assert not explained.sorted


async def test_an_append_of_one_event_looks_up_the_version_in_the_index_alone(
    store: PostgresEventStore, explained: ExplainedPool, long_log: str
) -> None:
    stream = await stream_of(long_log, EVENTS)

    await store.save_events(stream, new_events("o1"), expected_version=10)

    assert explained.scans == ["Index Only Scan by event_stream_version_key", "ModifyTable by None"]
    assert not explained.sorted


async def test_an_append_of_several_events_looks_up_the_version_in_the_index_alone(
    store: PostgresEventStore, explained: ExplainedPool
) -> None:
    await store.save_events("order-several", new_events("o1", 2), expected_version=0)

    assert explained.scans == ["Index Only Scan by event_stream_version_key", "ModifyTable by None"]
