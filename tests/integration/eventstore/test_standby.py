"""A real standby with streaming replication serves reads, but no safe head."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest

from eventstore.errors import EventStoreError, SafeHeadUnknown
from eventstore.postgres import PostgresEventStore
from kit.eventually import eventually
from kit.pool import Pool, create_pool
from stack import postgres
from stack.ports import Ports
from stack.processes import Program, Tier
from stack.supervisor import Supervisor, supervised
from stack.tools import postgres_program
from tests.integration.eventstore.conftest import to

ANNOUNCE = "SELECT eventstore.announce_head(0)"


@pytest.fixture
async def standby(owner_url: str, tmp_path: Path) -> AsyncIterator[Pool]:
    """Connections of the owner to a copy of the server, which follows it from now on."""
    primary = urlsplit(owner_url)
    port = Ports.free().postgres_port
    url = owner_url.replace(f":{primary.port}/", f":{port}/")
    async with supervised(tmp_path) as supervisor:
        await copy(supervisor, owner_url, tmp_path / "postgres")
        await postgres.start(supervisor, tmp_path, url)
        async with await create_pool(url) as pool:
            yield pool


async def copy(supervisor: Supervisor, url: str, data: Path) -> None:
    source = urlsplit(url)
    program = Program(
        name="pg_basebackup",
        tier=Tier.SERVER,
        command=(
            postgres_program("pg_basebackup"),
            *("--pgdata", str(data), "--checkpoint=fast", "--write-recovery-conf"),
            *("--host", str(source.hostname), "--port", str(source.port)),
            *("--username", str(source.username), "--no-password"),
        ),
        environment={**os.environ, "PGPASSWORD": str(source.password)},
    )
    await supervisor.succeed(program)


async def replayed(primary: Pool, standby: Pool) -> None:
    """Wait until the standby has everything that the primary has."""
    written = await primary.fetchval("SELECT pg_current_wal_insert_lsn()")
    has_replayed = "SELECT pg_last_wal_replay_lsn() >= $1"
    await eventually(lambda: standby.fetchval(has_replayed, written), 20)


async def test_the_head_is_refused_on_a_standby_and_known_once_it_is_promoted(
    store: PostgresEventStore, pool: Pool, standby: Pool
) -> None:
    replica = PostgresEventStore(standby)
    await store.append([to("order-1", 3)])
    await replayed(pool, standby)
    assert [event.position for event in await replica.load_events("order-1")] == [1, 2, 3]

    with pytest.raises(SafeHeadUnknown, match=r"Read the head from the primary\."):
        await replica.load_all_events()
    with pytest.raises(SafeHeadUnknown):
        await replica.safe_head()
    with pytest.raises(SafeHeadUnknown):
        await anext(replica.follow())
    with pytest.raises(SafeHeadUnknown):
        await standby.fetchval(ANNOUNCE)
    with pytest.raises((EventStoreError, asyncpg.ReadOnlySQLTransactionError)):
        await replica.append([to("order-1")])

    assert await standby.fetchval("SELECT pg_promote()")
    assert [event.position for event in await replica.load_all_events()] == [1, 2, 3]
    appended = await replica.append([to("order-1")])
    assert appended.last_position > 3
    assert await replica.safe_head() == appended.last_position
