"""Functions and views are replaced in place, only by an upgrade, and only where they changed."""

from __future__ import annotations

import asyncpg
import pytest

from tests.integration.migrations.checkout import Checkout

ROWS = """
    SELECT oid::regprocedure::text AS name, xmin::text || ctid::text AS written
    FROM pg_proc WHERE pronamespace = 'eventstore'::regnamespace
    UNION ALL
    SELECT relname, xmin::text || ctid::text
    FROM pg_class WHERE relnamespace = 'eventstore'::regnamespace AND relkind = 'v'
"""
SAFE_HEAD = "eventstore.safe_head()"
KNOWN = "eventstore.known_events(text[],uuid[],text[])"
MADE_BY_OTHERS = (
    "CREATE ROLE {role} NOLOGIN",
    "GRANT EXECUTE ON FUNCTION eventstore.safe_head() TO {role}",
    "CREATE VIEW public.their_head AS SELECT eventstore.safe_head() AS head",
    "CREATE VIEW public.their_appends AS SELECT floor FROM eventstore.announced_appends",
)


async def written(owner: asyncpg.Connection) -> dict[str, str]:
    return {row["name"]: row["written"] for row in await owner.fetch(ROWS)}


@pytest.fixture
async def analyst(owner: asyncpg.Connection, database_url: str) -> str:
    """A role of other people, with a grant and two views on what is ours."""
    role = f"analyst_{database_url[-8:]}"
    for statement in MADE_BY_OTHERS:
        await owner.execute(statement.format(role=role))
    return role


async def may_execute(owner: asyncpg.Connection, role: str, function: str) -> bool:
    return bool(
        await owner.fetchval("SELECT has_function_privilege($1, $2, 'EXECUTE')", role, function)
    )


@pytest.mark.parametrize(
    "command",
    [["current"], ["history", "-i"], ["heads"], ["stamp", "head"], ["upgrade", "head"]],
    ids=" ".join,
)
async def test_a_command_with_nothing_to_change_writes_nothing(
    checkout: Checkout, owner: asyncpg.Connection, owner_url: str, analyst: str, command: list[str]
) -> None:
    before = await written(owner)
    (await checkout.alembic(owner_url, *command)).succeeded()
    assert await written(owner) == before
    assert await owner.fetchval("SELECT head FROM public.their_head") == 0
    assert await may_execute(owner, analyst, SAFE_HEAD)


@pytest.mark.parametrize("command", [["current"], ["history", "-i"]], ids=" ".join)
async def test_a_look_at_an_empty_database_leaves_it_empty(
    checkout: Checkout, empty_url: str, command: list[str]
) -> None:
    (await checkout.alembic(empty_url, *command)).succeeded()
    connection = await asyncpg.connect(empty_url.replace("+asyncpg", ""))
    try:
        count = "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace"
        assert await connection.fetchval(count) == 0
    finally:
        await connection.close()


async def test_a_command_that_only_looks_works_while_a_migration_runs(
    checkout: Checkout, owner: asyncpg.Connection, owner_url: str
) -> None:
    await owner.execute("SELECT pg_advisory_lock(7003)")
    assert "(head)" in (await checkout.alembic(owner_url, "current")).succeeded()


async def test_an_upgrade_replaces_the_changed_function_alone_and_keeps_what_hangs_on_it(
    checkout: Checkout, owner: asyncpg.Connection, owner_url: str, analyst: str
) -> None:
    before = await written(owner)
    oid = await owner.fetchval("SELECT $1::regprocedure::oid", SAFE_HEAD)
    checkout.edit("safe_head", "BEGIN\n", "BEGIN\n    -- a later build\n")
    (await checkout.upgrade(owner_url)).succeeded()
    after = await written(owner)
    assert {name for name in after if after[name] != before.get(name)} == {SAFE_HEAD}
    source = await owner.fetchval("SELECT prosrc FROM pg_proc WHERE oid = $1", oid)
    assert "-- a later build" in source
    assert await may_execute(owner, analyst, SAFE_HEAD)
    assert await owner.fetchval("SELECT head FROM public.their_head") == 0


@pytest.mark.parametrize(
    "harm",
    [
        "CREATE OR REPLACE FUNCTION eventstore.safe_head() RETURNS bigint LANGUAGE sql AS 'SELECT 5'",
        "REVOKE EXECUTE ON FUNCTION eventstore.safe_head() FROM waybill_api",
        "COMMENT ON FUNCTION eventstore.safe_head() IS NULL",
        "DROP FUNCTION eventstore.safe_head()",
    ],
)
async def test_an_upgrade_mends_a_function_that_was_harmed_by_hand(
    checkout: Checkout, owner: asyncpg.Connection, owner_url: str, harm: str
) -> None:
    await owner.execute(harm)
    (await checkout.upgrade(owner_url)).succeeded()
    assert await owner.fetchval("SELECT eventstore.safe_head()") == 0
    assert await may_execute(owner, "waybill_api", SAFE_HEAD)
    assert not await may_execute(owner, "pg_monitor", SAFE_HEAD)


async def test_a_function_with_other_arguments_stands_beside_the_one_before(
    checkout: Checkout, owner: asyncpg.Connection, owner_url: str
) -> None:
    checkout.edit("known_events", "p_types text[],", "p_types text[],\n    p_more int,")
    (await checkout.upgrade(owner_url)).succeeded()
    later = "eventstore.known_events(text[],uuid[],text[],integer)"
    for function in (KNOWN, later):
        assert await may_execute(owner, "waybill_append", function)
        assert not await may_execute(owner, "waybill_api", function)
    before = await written(owner)
    (await checkout.upgrade(owner_url)).succeeded()
    assert await written(owner) == before


async def test_a_function_with_another_result_takes_the_place_and_the_grants_of_the_one_before(
    checkout: Checkout, owner: asyncpg.Connection, owner_url: str, database_url: str
) -> None:
    await owner.execute("GRANT EXECUTE ON FUNCTION eventstore.known_events TO pg_monitor")
    user = await asyncpg.connect(database_url.replace("+asyncpg", ""))
    try:
        held = await user.prepare(
            "SELECT known, same FROM eventstore.known_events('{}', '{}', '{}')"
        )
        checkout.edit(
            "known_events",
            "OUT recorded_at timestamptz",
            "OUT recorded_at timestamptz,\n OUT more int",
        )
        checkout.edit("known_events", "max(e.recorded_at)", "max(e.recorded_at), 7")
        (await checkout.upgrade(owner_url)).succeeded()
        assert (
            await owner.fetchval("SELECT more FROM eventstore.known_events('{}', '{}', '{}')") == 7
        )
        assert await may_execute(owner, "pg_monitor", KNOWN)
        assert list(await held.fetchrow()) == [0, 0]
        assert "eventstore.known_events__replaced(text[],uuid[],text[])" in await written(owner)
        (await checkout.upgrade(owner_url)).succeeded()
        assert list(await held.fetchrow()) == [0, 0]
    finally:
        await user.close()
    assert [name for name in await written(owner) if "__replaced" in name] == []


async def test_a_view_with_other_columns_is_read_by_our_functions_at_once(
    checkout: Checkout, owner: asyncpg.Connection, owner_url: str
) -> None:
    checkout.edit("announced_appends", "AS floor, pid", "AS lowest, pid AS backend")
    checkout.edit("safe_head", "min(floor)", "min(lowest)")
    checkout.edit("safe_head_age", "USING (pid)", "ON activity.pid = backend")
    (await checkout.upgrade(owner_url)).succeeded()
    assert await owner.fetchval("SELECT eventstore.safe_head()") == 0
    assert await owner.fetchval("SELECT eventstore.safe_head_age()") == 0
    assert await owner.fetchval(
        "SELECT has_table_privilege('waybill_api', 'eventstore.announced_appends', 'SELECT')"
    )


@pytest.mark.parametrize(
    ("function", "old", "new", "dependent"),
    [
        ("safe_head", "RETURNS bigint", "RETURNS numeric", "view their_head"),
        (
            "announced_appends",
            "AS floor, pid",
            "AS floor, pid::bigint AS pid",
            "view their_appends",
        ),
    ],
)
async def test_what_others_built_on_a_result_that_changes_is_named_and_nothing_is_changed(
    checkout: Checkout,
    owner: asyncpg.Connection,
    owner_url: str,
    analyst: str,
    function: str,
    old: str,
    new: str,
    dependent: str,
) -> None:
    before = await written(owner)
    checkout.edit(function, old, new)
    outcome = await checkout.upgrade(owner_url)
    assert outcome.code != 0
    assert dependent in outcome.printed
    assert outcome.said == ""
    assert await written(owner) == before
    assert await owner.fetchval("SELECT count(*) FROM public.their_appends") == 0
    assert await may_execute(owner, analyst, SAFE_HEAD)
