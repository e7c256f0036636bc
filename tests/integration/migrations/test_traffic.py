"""Appends continue while migrations run, also while a migration waits for a lock."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

import asyncpg
import pytest

from eventstore import statements
from eventstore.postgres import PostgresEventStore
from eventstore.versions import ANY
from kit.pool import Pool, create_pool
from projections.inline import InlineReadModels
from stack.postgres import connected
from tests.integration.eventstore.conftest import some_events
from tests.integration.migrations.checkout import Checkout

WRITERS = 6


@asynccontextmanager
async def appending(url: str) -> AsyncIterator[list[int]]:
    """Run writers by two stores and one by plain SQL; yield the count of appends of each so far.

    Raises the error of a writer.
    """
    counts = [0] * (WRITERS + 1)
    stop = asyncio.Event()

    async def write(number: int, store: PostgresEventStore) -> None:
        while not stop.is_set():
            events = some_events(1 + counts[number] % 2)
            await store.save_events(f"order-{uuid4()}", events, ANY)
            await store.load_all_events(max(0, counts[number] - 5), 3)
            counts[number] += 1

    async def ask(connection: asyncpg.Connection) -> None:
        """Query as a process does that prepared its statements before any of these migrations."""
        head = await connection.prepare(statements.SAFE_HEAD)
        while not stop.is_set():
            await head.fetchval()
            counts[-1] += 1

    async with await create_pool(url) as pool, connected(url) as connection:
        stores = PostgresEventStore(pool), PostgresEventStore(pool, [InlineReadModels()])
        async with asyncio.TaskGroup() as group:
            for number in range(WRITERS):
                group.create_task(write(number, stores[number % 2]))
            group.create_task(ask(connection))
            yield counts
            stop.set()


BUILDS = (
    ("append", "BEGIN\n", "BEGIN\n    -- another body\n"),
    ("append_event", "BEGIN\n", "BEGIN\n    -- another body\n"),
    ("append_event", "append_event(\n", "append_event(\n    p_more int,\n"),
    ("append", "append(\n", "append(\n    OUT more int,\n"),
    ("safe_head", "BEGIN\n", "BEGIN\n    -- another body\n"),
)
"""The changes of successive builds: bodies, arguments, a result."""


@pytest.mark.timeout(240)
async def test_no_append_fails_while_builds_with_other_functions_are_migrated_to(
    checkout: Checkout, owner_url: str, database_url: str
) -> None:
    async with appending(database_url) as counts:
        for function, old, new in BUILDS:
            before = list(counts)
            checkout.edit(function, old, new)
            (await checkout.upgrade(owner_url)).succeeded()
            assert all(now > then for now, then in zip(counts, before, strict=True))


async def test_no_append_fails_while_a_database_from_before_the_roles_is_migrated(
    checkout: Checkout, owner_url: str
) -> None:
    """The processes of this database connect as the owner."""
    (await checkout.alembic(owner_url, "downgrade", "0009")).succeeded()
    async with appending(owner_url) as counts:
        before = list(counts)
        (await checkout.upgrade(owner_url)).succeeded()
        assert all(now > then for now, then in zip(counts, before, strict=True))


async def test_an_open_transaction_that_asked_for_the_head_stops_no_migration(
    checkout: Checkout, owner_url: str, pool: Pool
) -> None:
    checkout.edit("safe_head", "BEGIN\n", "BEGIN\n    -- a later build\n")
    async with pool.acquire() as idle, idle.transaction():
        await idle.fetchval(statements.SAFE_HEAD)
        (await checkout.upgrade(owner_url)).succeeded()


async def test_a_locked_table_is_retried_while_appends_continue(
    checkout: Checkout, owner: asyncpg.Connection, owner_url: str, pool: Pool
) -> None:
    checkout.add_migration(
        await owner.fetchval("SELECT version_num FROM alembic_version"),
        "\ndef upgrade():\n    op.execute('CREATE TABLE journal.first (n int)')\n"
        "    op.execute('ALTER TABLE eventstore.event ADD COLUMN later int')\n",
    )
    store = PostgresEventStore(pool)
    options = ("-x", "lock-timeout=100ms", "-x", "tries=30")
    async with checkout.running(owner_url, *options, "upgrade", "head") as process:
        assert process.stderr
        async with pool.acquire() as idle, idle.transaction():
            await idle.fetchval("SELECT count(*) FROM eventstore.event")
            first = (await process.stderr.readline()).decode()
            await store.save_events(f"order-{uuid4()}", some_events(1), ANY)
            await process.stderr.readline()
        assert first == (
            "waybill: migration: try 1 of 30: canceling statement due to lock timeout; "
            "again in 0.5 s\n"
        )
        assert await process.wait() == 0
    assert await owner.fetchval("SELECT count(later) FROM eventstore.event") == 0
    assert await owner.fetchval("SELECT version_num FROM alembic_version") == "9000"


async def test_a_lock_that_is_never_released_ends_the_migration_with_one_line(
    checkout: Checkout, owner: asyncpg.Connection, owner_url: str, pool: Pool
) -> None:
    head = await owner.fetchval("SELECT version_num FROM alembic_version")
    checkout.add_migration(
        head,
        "\ndef upgrade():\n    op.execute('CREATE TABLE journal.first (n int)')\n"
        "    op.execute('ALTER TABLE eventstore.event ADD COLUMN later int')\n",
    )
    options = ("-x", "lock-timeout=50ms", "-x", "tries=2")
    async with pool.acquire() as idle, idle.transaction():
        await idle.fetchval("SELECT count(*) FROM eventstore.event")
        outcome = await checkout.alembic(owner_url, *options, "upgrade", "head")
    assert outcome.code != 0
    assert len(outcome.said.splitlines()) == 1
    expected = (
        "try 2 of 2: canceling statement due to lock timeout; the last try failed "
        "and its transaction is rolled back"
    )
    assert expected in " ".join(outcome.printed.split())
    assert await owner.fetchval("SELECT version_num FROM alembic_version") == head
    assert await owner.fetchval("SELECT to_regclass('journal.first')") is None


async def test_a_second_migration_waits_for_the_first(
    checkout: Checkout, owner: asyncpg.Connection, owner_url: str
) -> None:
    await owner.execute("SELECT pg_advisory_lock(7003)")
    async with checkout.running(owner_url, "upgrade", "head") as process:
        assert process.stderr
        waiting = await process.stderr.readline()
        assert waiting == (
            b"waybill: migration: another migration is running: waiting for it to end\n"
        )
        await owner.execute("SELECT pg_advisory_unlock(7003)")
        assert await process.wait() == 0


async def test_an_index_is_built_beside_appends_and_again_after_an_interruption(
    checkout: Checkout, owner: asyncpg.Connection, owner_url: str, database_url: str
) -> None:
    checkout.add_migration(
        await owner.fetchval("SELECT version_num FROM alembic_version"),
        "from migrations.indexes import create_index_concurrently\n"
        "\ndef upgrade():\n"
        "    create_index_concurrently('event_later', 'eventstore.event', '(recorded_at)')\n",
    )
    await owner.execute("CREATE INDEX event_later ON eventstore.event (type)")
    await owner.execute(
        "UPDATE pg_index SET indisvalid = false"
        " WHERE indexrelid = 'eventstore.event_later'::regclass"
    )
    async with appending(database_url) as counts:
        before = list(counts)
        (await checkout.upgrade(owner_url)).succeeded()
        assert all(now > then for now, then in zip(counts, before, strict=True))
    made = await owner.fetchval(
        "SELECT pg_get_indexdef(indexrelid) FROM pg_index"
        " WHERE indexrelid = 'eventstore.event_later'::regclass AND indisvalid"
    )
    assert made.endswith("(recorded_at)")
    assert await owner.fetchval("SELECT version_num FROM alembic_version") == "9000"
