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
from eventstore.postgres import PostgresEventStore
from kit.pool import Pool
from stack.postgres import connected

EVENTS = 100_000
Plan = dict[str, Any]

# Send the plans of all statements, also of those inside a function, to the client.
EXPLAIN_EVERYTHING = """
LOAD 'auto_explain';
SET auto_explain.log_min_duration = 0;
SET auto_explain.log_nested_statements = on;
SET auto_explain.log_format = json;
SET auto_explain.log_analyze = on;
SET client_min_messages = log;
"""


@pytest.fixture(scope="module")
async def long_log(module_owner_url: str) -> str:
    """A connection of the owner, who may load a library that explains plans."""
    await fill(module_owner_url, EVENTS)
    return module_owner_url


class ExplainedPool:
    """One connection, with the plan of every scan of the log that was made over it."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection
        self.scans: list[str] = []
        self.sorted = False
        self.pages = 0

    @asynccontextmanager
    async def acquire(self) -> AsyncIterator[asyncpg.Connection]:
        yield self._connection

    def note(self, _: object, message: asyncpg.PostgresLogMessage) -> None:
        _, found, plan = message.message.partition("plan:\n")
        if found:
            for node in nodes(json.loads(plan)["Plan"]):
                self.sorted |= "Sort" in node["Node Type"]
                self.pages += node.get("Exact Heap Blocks", 0) + node.get("Lossy Heap Blocks", 0)
                if "event" in {node.get("Relation Name"), node.get("Index Name", "")[:5]}:
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


async def test_the_first_events_of_streams_are_read_by_their_index(
    store: PostgresEventStore, explained: ExplainedPool, long_log: str
) -> None:
    streams = [await stream_of(long_log, position) for position in range(1, 5_000, 100)]

    events = await store.load_first_events([*streams, "order-none"])

    assert {event.stream_id for event in events} == set(streams)
    assert {event.version for event in events} == {1}
    assert explained.scans == ["Index Scan by event_stream_version_key"]


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


THE_HEAD = {"Index Only Scan by event_pkey"}
"""The scan by which the safe head finds the log's last position."""

RARE = """
    INSERT INTO eventstore.event
        (stream_id, version, event_id, type, schema_version, data, metadata, recorded_at)
    VALUES ('customer-rare', 1, gen_random_uuid(), 'CustomerErased', 1, '{}', '{}', now())
    RETURNING position
"""


@pytest.fixture(scope="module")
async def rare(long_log: str) -> int:
    """The position of the one event of its type and category, behind all the others."""
    async with connected(long_log) as connection:
        position = await connection.fetchval(RARE)
        # Do the work of autovacuum: the index learns of full pages, the planner of the types.
        await connection.execute("VACUUM (ANALYZE) eventstore.event")
    return int(position)


@pytest.mark.parametrize(
    ("wanted", "index"),
    [
        ({"types": ["CustomerErased"]}, "event_filter_brin"),
        ({"types": ["CustomerErased", "SagaParked"]}, "event_filter_brin"),
        ({"types": ["CustomerErased"], "categories": ["customer", "order"]}, "event_filter_brin"),
        ({"categories": ["customer"]}, "event_stream_version_key"),
        ({"categories": ["customer", "saga"]}, "event_stream_version_key"),
    ],
)
async def test_rare_events_are_found_by_an_index(
    store: PostgresEventStore,
    explained: ExplainedPool,
    rare: int,
    wanted: dict[str, list[str]],
    index: str,
) -> None:
    for _ in range(7):  # PostgreSQL considers a plan for any arguments after five
        events = await store.load_all_events(**wanted)  # type: ignore[arg-type]  # two keywords
        assert [event.position for event in events] == [rare]

    scans = set(explained.scans) - THE_HEAD
    assert {scan.rpartition(" by ")[2] for scan in scans} <= {index, "None"}
    assert {scan.partition(" by ")[0] for scan in scans} <= {
        "Bitmap Heap Scan",
        "Bitmap Index Scan",
        "Index Scan",
    }
    assert explained.pages / 7 < 2 * 128  # of 5,000


async def test_rare_events_at_one_end_of_the_log_are_found_by_the_filters_index(
    store: PostgresEventStore, explained: ExplainedPool, rare: int
) -> None:
    """A read by position would search for the missing event up to the end of the log."""
    events = await store.load_all_events(1, 2, types=["CustomerErased"])

    assert [event.position for event in events] == [rare]
    assert "Index Scan by event_pkey" not in explained.scans


@pytest.mark.parametrize(
    ("types", "categories"),
    [(["OrderReserved", "OrderCreated"], None), (None, ["order"]), (["OrderReserved"], ["order"])],
)
async def test_frequent_events_are_read_by_position(
    store: PostgresEventStore,
    explained: ExplainedPool,
    rare: int,
    types: list[str] | None,
    categories: list[str] | None,
) -> None:
    for _ in range(7):
        events = await store.load_all_events(50_000, 100, types=types, categories=categories)
        assert [event.position for event in events] == list(range(50_001, 50_101))

    assert rare > EVENTS
    assert set(explained.scans) - THE_HEAD == {"Index Scan by event_pkey"}
    assert not explained.sorted
