"""Appends and the safe head refuse a sequence whose positions are not reliable."""

from __future__ import annotations

from collections.abc import AsyncIterator
from uuid import uuid4

import asyncpg
import pytest

from eventstore.errors import SafeHeadUnknown, UnsafeSequence
from eventstore.postgres import PostgresEventStore
from kit.pool import Connection, create_pool
from tests.integration.eventstore.conftest import to

ASKED = {
    "append_event": """
        SELECT position FROM eventstore.append_event(
            'order-1', -1, gen_random_uuid(), 'OrderReserved', 1::smallint, '{}', '{}')""",
    "append": """
        SELECT positions[1] FROM eventstore.append(
            ARRAY['order-1'], ARRAY[-1], ARRAY[1], ARRAY[gen_random_uuid()],
            ARRAY['OrderReserved'], ARRAY[1::smallint], ARRAY['{}'::jsonb], ARRAY['{}'::jsonb])""",
    "safe_head": "SELECT eventstore.safe_head()",
}
APPENDS = ("append_event", "append")
EVENTS = "SELECT count(*) FROM eventstore.event"

pytestmark = pytest.mark.usefixtures("one_event")


@pytest.fixture
async def one_event(store: PostgresEventStore) -> None:
    await store.append([to("order-0")])


@pytest.fixture
async def connection(owner_url: str) -> AsyncIterator[Connection]:
    """A connection of the owner, who alters the sequence and takes other roles."""
    async with await create_pool(owner_url) as pool, pool.acquire() as connection:
        yield connection


@pytest.fixture
async def role(connection: Connection) -> AsyncIterator[str]:
    """A role with every right that an append needs, except those on the sequence."""
    name = f"clerk_{uuid4().hex}"
    await connection.execute(
        f"CREATE ROLE {name}; GRANT USAGE ON SCHEMA eventstore TO {name};"
        f" GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA eventstore TO {name};"
        f" GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA eventstore TO {name}"
    )
    yield name
    await connection.execute(f"RESET ROLE; DROP OWNED BY {name}; DROP ROLE {name}")


async def refusal(connection: Connection, asked: str) -> UnsafeSequence:
    before = await connection.fetchval(EVENTS)
    with pytest.raises(UnsafeSequence) as refused:
        await connection.fetchval(ASKED[asked])
    assert await connection.fetchval(EVENTS) == before
    return refused.value


def remedy(refused: UnsafeSequence) -> str:
    """Return the SQL that the hint recommends."""
    return str(refused.hint).partition("un: ")[2]


@pytest.mark.parametrize("asked", ASKED)
@pytest.mark.parametrize("grant", [None, "UPDATE"])
async def test_a_role_that_may_not_read_the_sequence_is_refused(
    connection: Connection, role: str, grant: str | None, asked: str
) -> None:
    if grant is not None:  # enough to draw from the sequence, not to read it
        await connection.execute(f"GRANT {grant} ON SEQUENCE eventstore.event_position TO {role}")
    await connection.execute(f"SET ROLE {role}")
    refused = await refusal(connection, asked)
    assert f"role {role} may not read it" in str(refused)

    await connection.execute(f"RESET ROLE; {remedy(refused)}; SET ROLE {role}")
    assert await connection.fetchval(ASKED[asked]) == (2 if asked in APPENDS else 1)


@pytest.mark.parametrize("asked", ASKED)
@pytest.mark.parametrize("restart", ["RESTART", "RESTART WITH 1000"])
async def test_a_restarted_sequence_is_refused_until_it_is_set_to_the_last_event(
    connection: Connection, restart: str, asked: str
) -> None:
    await connection.execute(f"ALTER SEQUENCE eventstore.event_position {restart}")
    refused = await refusal(connection, asked)
    assert "it was restarted" in str(refused)

    await connection.execute(remedy(refused))
    assert await connection.fetchval(ASKED[asked]) == (2 if asked in APPENDS else 1)


@pytest.mark.parametrize("asked", ASKED)
async def test_a_sequence_with_a_cache_is_refused_until_its_cache_is_1(
    connection: Connection, owner: asyncpg.Connection, asked: str
) -> None:
    await connection.execute("ALTER SEQUENCE eventstore.event_position CACHE 20")
    refused = await refusal(connection, asked)
    assert "CACHE above 1" in str(refused)

    # This session keeps the rest of its range; altering the sequence takes it away.
    assert await connection.fetchval("SELECT nextval('eventstore.event_position')") < 50
    drawn = await owner.fetchval("SELECT nextval('eventstore.event_position')")
    await owner.execute(remedy(refused))
    assert await connection.fetchval(ASKED[asked]) > drawn


@pytest.mark.parametrize("asked", APPENDS)
@pytest.mark.parametrize(
    "altered", ["MINVALUE -10 INCREMENT -1", "MAXVALUE 5 CYCLE", "MINVALUE -10 START -5 RESTART"]
)
async def test_an_append_below_its_own_floor_is_refused(
    connection: Connection, altered: str, asked: str
) -> None:
    await connection.execute("SELECT setval('eventstore.event_position', 5)")
    await connection.execute(f"ALTER SEQUENCE eventstore.event_position {altered}")
    await refusal(connection, asked)


async def test_a_sequence_behind_the_log_has_no_safe_head(
    connection: Connection, store: PostgresEventStore
) -> None:
    await store.append([to("order-1", 9)])
    await connection.execute("SELECT setval('eventstore.event_position', 3)")
    refused = await refusal(connection, "safe_head")
    assert "it was set back or draws downwards, and stands at 3" in str(refused)

    await connection.execute(remedy(refused))
    assert await store.safe_head() == 10


@pytest.mark.parametrize("floor", ["NULL", "-1"])
async def test_a_floor_that_no_reader_would_see_cannot_be_announced(
    connection: Connection, floor: str
) -> None:
    with pytest.raises(UnsafeSequence):
        await connection.fetchval(f"SELECT eventstore.announcement({floor})")


@pytest.mark.parametrize("isolation", ["repeatable_read", "serializable"])
async def test_a_transaction_that_keeps_its_snapshot_cannot_read_the_head(
    connection: Connection, isolation: str
) -> None:
    async with connection.transaction(isolation=isolation):  # type: ignore[arg-type]
        with pytest.raises(SafeHeadUnknown, match="READ COMMITTED"):
            async with connection.transaction():
                await connection.fetchval(ASKED["safe_head"])


async def test_the_store_raises_the_typed_error(
    connection: Connection, store: PostgresEventStore
) -> None:
    await connection.execute("ALTER SEQUENCE eventstore.event_position RESTART")

    with pytest.raises(UnsafeSequence, match="Stop all writers and readers"):
        await store.append([to("order-1")])
    with pytest.raises(UnsafeSequence):
        await store.append([to("order-1", 2)])
    with pytest.raises(UnsafeSequence):
        await store.load_all_events()
    with pytest.raises(UnsafeSequence):
        await anext(store.follow())
