"""Measure how soon the bytes of an erased key leave its table."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from kit.eventually import eventually
from kit.pool import Pool, create_pool
from stack import postgres
from stack.servers import Servers
from tests.integration.privacy.conftest import Log
from tests.support.keys import a_vault

SETTINGS = "SELECT reloptions FROM pg_class WHERE oid = 'eventstore.subject_key'::regclass"
VACUUMED = """
    SELECT last_autovacuum IS NOT NULL AND n_dead_tup = 0 FROM pg_stat_user_tables
    WHERE relid = 'eventstore.subject_key'::regclass
"""


@pytest.fixture
async def _autovacuum_each_second(servers: Servers) -> AsyncIterator[None]:
    async with postgres.connected(postgres.sibling(servers.owner_url, "postgres")) as connection:
        await connection.execute("ALTER SYSTEM SET autovacuum_naptime = 1")
        await connection.execute("SELECT pg_reload_conf()")
        yield
        await connection.execute("ALTER SYSTEM RESET autovacuum_naptime")
        await connection.execute("SELECT pg_reload_conf()")


@pytest.mark.usefixtures("_autovacuum_each_second")
async def test_a_single_erased_key_is_vacuumed_in_autovacuums_next_round(
    database_url: str, pool: Pool
) -> None:
    # Closed connections have reported what they deleted; idle ones do so later.
    async with await create_pool(database_url) as closing:
        log = Log(closing, a_vault(closing))
        for number in range(20):
            await log.place(f"o-{number}", f"customer-{number}")
        await log.erase("customer-7")

    await eventually(lambda: pool.fetchval(VACUUMED), every=0.1)

    assert await pool.fetchval("SELECT count(*) FROM eventstore.subject_key") == 19


async def test_the_table_of_keys_waits_for_no_number_of_dead_rows(pool: Pool) -> None:
    assert set(await pool.fetchval(SETTINGS)) == {
        "autovacuum_vacuum_threshold=0",
        "autovacuum_vacuum_scale_factor=0",
    }
