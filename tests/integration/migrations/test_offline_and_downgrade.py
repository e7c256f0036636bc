"""Print SQL for a DBA without a server, and downgrade without losing data unasked."""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

import asyncpg
import pytest

from eventstore.postgres import PostgresEventStore
from eventstore.versions import NO_STREAM
from kit.pool import Pool
from stack.postgres import connected
from stack.servers import Servers
from stack.tools import postgres_program
from tests.integration.eventstore.conftest import some_events
from tests.integration.migrations.checkout import Checkout

APPEND_ONE = (
    "SELECT eventstore.append_event('order-1', -1, gen_random_uuid(), 'T', 1::smallint, '{}', '{}')"
)
VERSION = "SELECT version_num FROM alembic_version"
NOTHING_SET = {"WAYBILL_ENVIRONMENT": "production"}
"""A production process without its secrets does not start; printing needs none of them."""


async def psql(url: str, script: str) -> str:
    """Run psql; return its complaints."""
    parts = urlsplit(url)
    process = await asyncio.create_subprocess_exec(
        postgres_program("psql"),
        *("--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--host", parts.hostname or ""),
        *("--port", str(parts.port), "--username", parts.username or "", parts.path[1:]),
        env={"PGPASSWORD": parts.password or "", "PGOPTIONS": "-c client_min_messages=warning"},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    _, complaints = await process.communicate(script.encode())
    return complaints.decode()


async def test_an_upgrades_sql_is_printed_without_a_server_and_is_complete(
    checkout: Checkout, empty_url: str
) -> None:
    outcome = await checkout.alembic(None, "upgrade", "head", "--sql", **NOTHING_SET)
    assert await psql(empty_url, outcome.succeeded()) == ""
    async with connected(empty_url) as owner:
        await owner.execute("SET ROLE waybill_append")
        await owner.execute(APPEND_ONE)
        assert await owner.fetchval("SELECT eventstore.safe_head()") == 1
        await owner.execute("SET ROLE waybill_api")
        assert await owner.fetchval("SELECT eventstore.safe_head()") == 1
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await owner.execute(APPEND_ONE)
    (await checkout.upgrade(empty_url)).succeeded()


async def test_the_sql_of_a_step_before_the_last_has_no_functions(checkout: Checkout) -> None:
    outcome = await checkout.alembic(None, "upgrade", "0008:0009", "--sql", **NOTHING_SET)
    assert "CREATE TABLE journal.heartbeat" in outcome.succeeded()
    assert "FUNCTION" not in outcome.printed


async def test_an_upgrade_that_stops_before_the_last_step_leaves_the_functions_for_later(
    checkout: Checkout, empty_url: str
) -> None:
    (await checkout.alembic(empty_url, "upgrade", "0003")).succeeded()
    (await checkout.upgrade(empty_url)).succeeded()
    async with connected(empty_url) as owner:
        assert await owner.fetchval("SELECT eventstore.safe_head()") == 0


async def test_a_downgrade_of_an_empty_database_needs_no_flag_and_leaves_nothing(
    checkout: Checkout, owner: asyncpg.Connection, owner_url: str
) -> None:
    (await checkout.alembic(owner_url, "downgrade", "base")).succeeded()
    left = "SELECT count(*) FROM pg_namespace WHERE nspname IN ('eventstore','readmodel','journal')"
    assert await owner.fetchval(left) == 0
    (await checkout.upgrade(owner_url)).succeeded()
    assert await owner.fetchval("SELECT eventstore.safe_head()") == 0


async def test_each_step_can_be_taken_back_and_again(
    checkout: Checkout, owner: asyncpg.Connection, owner_url: str, database_url: str
) -> None:
    head = await owner.fetchval(VERSION)
    (await checkout.alembic(owner_url, "downgrade", "0009")).succeeded()
    (await checkout.upgrade(owner_url)).succeeded()
    assert await owner.fetchval(VERSION) == head
    async with connected(database_url) as append:
        await append.execute(APPEND_ONE)


async def test_a_downgrade_that_destroys_data_is_refused_unless_it_is_allowed(
    checkout: Checkout, owner: asyncpg.Connection, owner_url: str, pool: Pool
) -> None:
    await PostgresEventStore(pool).save_events("order-1", some_events(3), NO_STREAM)
    await owner.execute(
        "INSERT INTO eventstore.subject_key (subject, key_id, wrapped, master_key_id, made_after)"
        " VALUES ('ada', gen_random_uuid(), '', 'm', 0)"
    )
    head = await owner.fetchval(VERSION)

    refused = await checkout.alembic(owner_url, "downgrade", "base")
    assert refused.code != 0
    assert "this downgrade destroys eventstore.subject_key (1 rows), eventstore.event (3 rows)" in (
        " ".join(refused.printed.split())
    )
    assert "alembic -x destroy=yes downgrade" in " ".join(refused.printed.split())
    assert await owner.fetchval(VERSION) == head
    assert await owner.fetchval("SELECT count(*) FROM eventstore.event") == 3

    (await checkout.alembic(owner_url, "-x", "destroy=yes", "downgrade", "base")).succeeded()
    assert await owner.fetchval("SELECT to_regclass('eventstore.event')") is None


async def test_a_destructive_downgrades_sql_is_printed_only_when_allowed(
    checkout: Checkout,
) -> None:
    steps = ("downgrade", "0004:0003", "--sql")
    refused = await checkout.alembic(None, *steps, **NOTHING_SET)
    assert refused.code != 0
    assert "eventstore.subject_key" in refused.printed
    assert "DROP TABLE" not in refused.printed
    given = await checkout.alembic(None, "-x", "destroy=yes", *steps, **NOTHING_SET)
    assert "DROP TABLE eventstore.subject_key" in given.succeeded()


async def test_a_downgrade_drops_nothing_that_others_built(
    checkout: Checkout, owner: asyncpg.Connection, owner_url: str
) -> None:
    await owner.execute("CREATE VIEW public.theirs AS SELECT position FROM eventstore.event")
    refused = await checkout.alembic(owner_url, "-x", "destroy=yes", "downgrade", "base")
    assert refused.code != 0
    assert "view theirs depends on table eventstore.event" in " ".join(refused.printed.split())
    assert await owner.fetchval("SELECT count(*) FROM public.theirs") == 0


async def test_a_server_that_refuses_the_login_is_named_in_one_line(
    checkout: Checkout, servers: Servers
) -> None:
    outcome = await checkout.upgrade(servers.owner_url.replace("@", "x@"))
    assert outcome.code != 0
    assert "Traceback" not in outcome.said + outcome.printed
    assert "password authentication failed" in " ".join((outcome.said + outcome.printed).split())


async def test_a_missing_database_url_is_named_in_one_line(checkout: Checkout) -> None:
    outcome = await checkout.alembic(None, "upgrade", "head")
    assert outcome.code == 1
    assert outcome.said.startswith("waybill: WAYBILL_DATABASE_URL is not set")
    assert len(outcome.said.splitlines()) == 1


async def test_a_notification_that_was_opted_out_of_is_suppressed_for_an_earlier_build(
    checkout: Checkout, owner: asyncpg.Connection, owner_url: str
) -> None:
    await owner.execute(
        "INSERT INTO eventstore.notification (id, event_id, position, recipient, channel, kind,"
        " order_id, state, ended_at) VALUES (gen_random_uuid(), gen_random_uuid(), 1, 'r',"
        " 'email', 'shipped', 'o-1', 'opted_out', now())"
    )
    (await checkout.alembic(owner_url, "downgrade", "0029")).succeeded()
    assert await owner.fetchval("SELECT state FROM eventstore.notification") == "suppressed"
    (await checkout.upgrade(owner_url)).succeeded()
