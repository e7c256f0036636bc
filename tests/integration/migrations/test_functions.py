"""An upgrade replaces functions and views in place, and only those that changed."""

from __future__ import annotations

import asyncpg
import pytest

from stack.postgres import connected
from tests.integration.migrations.checkout import Checkout

ROWS = """
    SELECT oid::regprocedure::text AS name, xmin::text || ctid::text AS written
    FROM pg_proc WHERE pronamespace = 'eventstore'::regnamespace
    UNION ALL
    SELECT relname, xmin::text || ctid::text
    FROM pg_class WHERE relnamespace = 'eventstore'::regnamespace AND relkind = 'v'
"""
SAFE_HEAD = "eventstore.safe_head()"
PROBE = """
    CREATE OR REPLACE FUNCTION eventstore.probe(n int, OUT one int, OUT other int)
    LANGUAGE sql AS 'SELECT n, n'
"""
PROBE_WITH_MORE = """
    CREATE OR REPLACE FUNCTION eventstore.probe(n int, OUT one int, OUT other int, OUT two int)
    LANGUAGE sql AS 'SELECT n, n, 2 * n'
"""
THEIRS = {
    "probe": "CREATE VIEW public.theirs AS SELECT one FROM eventstore.probe(1)",
    "probe_view": "CREATE VIEW public.theirs AS SELECT one FROM eventstore.probe_view",
}
PROBE_VIEW = "CREATE OR REPLACE VIEW eventstore.probe_view AS SELECT one FROM eventstore.probe(1)"
MADE_BY_OTHERS = (
    "CREATE ROLE {role} NOLOGIN",
    "GRANT EXECUTE ON FUNCTION eventstore.safe_head() TO {role}",
    "CREATE VIEW public.their_head AS SELECT eventstore.safe_head() AS head",
)


async def written(owner: asyncpg.Connection) -> dict[str, str]:
    return {row["name"]: row["written"] for row in await owner.fetch(ROWS)}


@pytest.fixture
async def analyst(owner: asyncpg.Connection, database_url: str) -> str:
    """A role of another team, with a grant and two views on Waybill's objects."""
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
async def test_a_read_only_command_leaves_an_empty_database_empty(
    checkout: Checkout, empty_url: str, command: list[str]
) -> None:
    (await checkout.alembic(empty_url, *command)).succeeded()
    async with connected(empty_url) as connection:
        count = "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace"
        assert await connection.fetchval(count) == 0


async def test_a_read_only_command_works_while_a_migration_runs(
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
        "CREATE OR REPLACE FUNCTION eventstore.safe_head() RETURNS bigint RETURN 5",
        "REVOKE EXECUTE ON FUNCTION eventstore.safe_head() FROM waybill_api",
        "COMMENT ON FUNCTION eventstore.safe_head() IS NULL",
        "DROP FUNCTION eventstore.safe_head()",
    ],
)
async def test_an_upgrade_repairs_a_function_that_was_changed_by_hand(
    checkout: Checkout, owner: asyncpg.Connection, owner_url: str, harm: str
) -> None:
    await owner.execute(harm)
    (await checkout.upgrade(owner_url)).succeeded()
    assert await owner.fetchval("SELECT eventstore.safe_head()") == 0
    assert await may_execute(owner, "waybill_api", SAFE_HEAD)
    assert not await may_execute(owner, "pg_monitor", SAFE_HEAD)


async def test_a_function_with_other_arguments_keeps_the_old_one_beside_it(
    checkout: Checkout, owner: asyncpg.Connection, owner_url: str
) -> None:
    checkout.write("probe", PROBE)
    (await checkout.upgrade(owner_url)).succeeded()
    checkout.write("probe", PROBE.replace("(n int", "(n int, m int"))
    (await checkout.upgrade(owner_url)).succeeded()
    for function in ("eventstore.probe(integer)", "eventstore.probe(integer,integer)"):
        assert await may_execute(owner, "waybill_api", function)
        assert not await may_execute(owner, "pg_monitor", function)
    before = await written(owner)
    (await checkout.upgrade(owner_url)).succeeded()
    assert await written(owner) == before


async def test_a_function_with_another_result_replaces_the_old_one_with_its_grants(
    checkout: Checkout, owner: asyncpg.Connection, owner_url: str, database_url: str
) -> None:
    checkout.write("probe", PROBE)
    (await checkout.upgrade(owner_url)).succeeded()
    await owner.execute("GRANT EXECUTE ON FUNCTION eventstore.probe TO pg_monitor")
    async with connected(database_url) as user:
        held = await user.prepare("SELECT one FROM eventstore.probe(7)")
        checkout.write("probe", PROBE_WITH_MORE)
        (await checkout.upgrade(owner_url)).succeeded()
        assert await owner.fetchval("SELECT two FROM eventstore.probe(7)") == 14
        assert await may_execute(owner, "pg_monitor", "eventstore.probe(integer)")
        assert await held.fetchval() == 7
        assert "eventstore.probe__replaced(integer)" in await written(owner)
        (await checkout.upgrade(owner_url)).succeeded()
        assert await held.fetchval() == 7
    assert [name for name in await written(owner) if "__replaced" in name] == []


async def test_a_view_with_other_columns_and_its_function_are_replaced_together(
    checkout: Checkout, owner: asyncpg.Connection, owner_url: str
) -> None:
    checkout.write("probe", PROBE)
    checkout.write("probe_view", PROBE_VIEW)
    (await checkout.upgrade(owner_url)).succeeded()
    checkout.write("probe", PROBE_WITH_MORE)
    checkout.write("probe_view", "CREATE OR REPLACE VIEW eventstore.probe_view AS SELECT 2 AS two")
    (await checkout.upgrade(owner_url)).succeeded()
    assert await owner.fetchval("SELECT two FROM eventstore.probe_view") == 2
    assert await owner.fetchval(
        "SELECT has_table_privilege('waybill_api', 'eventstore.probe_view', 'SELECT')"
    )
    (await checkout.upgrade(owner_url)).succeeded()
    assert [name for name in await written(owner) if "__replaced" in name] == []


async def test_a_view_that_did_not_change_reads_the_function_that_took_the_place(
    checkout: Checkout, owner: asyncpg.Connection, owner_url: str
) -> None:
    checkout.write("probe", PROBE)
    checkout.write("probe_view", PROBE_VIEW)
    (await checkout.upgrade(owner_url)).succeeded()
    checkout.write("probe", PROBE_WITH_MORE.replace("SELECT n", "SELECT 5 * n"))
    (await checkout.upgrade(owner_url)).succeeded()
    assert await owner.fetchval("SELECT one FROM eventstore.probe_view") == 5
    (await checkout.upgrade(owner_url)).succeeded()


@pytest.mark.parametrize(
    ("name", "later"),
    [
        ("probe", PROBE_WITH_MORE),
        ("probe_view", "CREATE OR REPLACE VIEW eventstore.probe_view AS SELECT 2 AS two"),
    ],
    ids=["function", "view"],
)
async def test_dependents_of_a_changed_result_are_named_and_nothing_changes(
    checkout: Checkout, owner: asyncpg.Connection, owner_url: str, name: str, later: str
) -> None:
    checkout.write("probe", PROBE)
    checkout.write("probe_view", PROBE_VIEW)
    (await checkout.upgrade(owner_url)).succeeded()
    await owner.execute(THEIRS[name])
    before = await written(owner)

    checkout.write(name, later)
    outcome = await checkout.upgrade(owner_url)

    assert outcome.code != 0
    assert "view theirs depends on" in " ".join(outcome.printed.split())
    assert outcome.said == ""
    assert await written(owner) == before
    assert await owner.fetchval("SELECT one FROM public.theirs") == 1
