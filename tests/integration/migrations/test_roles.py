"""Check the rights of each role in the database, and what PostgreSQL refuses it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack

import asyncpg
import pytest

from eventstore import statements
from settings import DatabaseRole
from stack.postgres import connected
from stack.servers import Servers
from tests.conftest import beside

APPEND, API, PROJECTIONS = DatabaseRole.APPEND, DatabaseRole.API, DatabaseRole.PROJECTIONS
Connections = Mapping[DatabaseRole, asyncpg.Connection]

APPEND_ONE = (
    "SELECT eventstore.append_event('order-1', -1, gen_random_uuid(), 'T', 1::smallint, '{}', '{}')"
)
APPEND_MANY = """
    SELECT eventstore.append('{order-1}', '{-1}', '{1}', ARRAY[gen_random_uuid()], '{T}',
                             ARRAY[1::smallint], ARRAY['{}'::jsonb], ARRAY['{}'::jsonb])
"""
EVENT = (
    "INSERT INTO eventstore.event VALUES"
    " (0, 's', 1, gen_random_uuid(), 'T', 1, '{}', '{}', clock_timestamp())"
)
KEY = (
    "INSERT INTO eventstore.subject_key (subject, key_id, wrapped, master_key_id, made_after)"
    " VALUES ('ada', gen_random_uuid(), '', 'm', 0)"
)
WEBHOOK = (
    "INSERT INTO journal.webhook VALUES ('p', 'e', 't', 'o', clock_timestamp(), clock_timestamp())"
)
FAILED = "INSERT INTO journal.failed_attempts VALUES ('o', 's', 1, 'c', 'm', clock_timestamp())"
HEARTBEAT = "INSERT INTO journal.heartbeat VALUES ('api', clock_timestamp())"
CHECKPOINT = (
    "INSERT INTO eventstore.checkpoint AS c VALUES ('follower', 5)"
    " ON CONFLICT (name) DO UPDATE SET position = c.position RETURNING position"
)
PRODUCT = "INSERT INTO readmodel.product_view VALUES ('mug', 'Mug', 'EUR', 250, 1)"
SNAPSHOT = (
    "INSERT INTO eventstore.snapshot AS s (stream_id, version, schema, state)"
    " VALUES ('s', 1, '', '{}') ON CONFLICT (stream_id) DO UPDATE SET version = 1"
)

TRIGGER = (
    "CREATE TRIGGER t BEFORE INSERT ON eventstore.event FOR EACH ROW"
    " EXECUTE FUNCTION suppress_redundant_updates_trigger()"
)
PRUNE = (
    "DELETE FROM journal.webhook WHERE (provider, event_id) IN"
    " (SELECT provider, event_id FROM journal.webhook LIMIT 2 FOR UPDATE SKIP LOCKED)"
)

NO_ROLE_MAY = (
    "UPDATE eventstore.event SET type = 'T'",
    "UPDATE eventstore.event SET recorded_at = recorded_at WHERE false",
    "DELETE FROM eventstore.event",
    "DELETE FROM eventstore.event WHERE false",
    "TRUNCATE eventstore.event",
    "TRUNCATE readmodel.order_view, eventstore.event",
    "MERGE INTO eventstore.event e USING (SELECT 1) s ON true WHEN MATCHED THEN DELETE",
    "SELECT 1 FROM eventstore.event FOR UPDATE",
    "LOCK TABLE eventstore.event IN EXCLUSIVE MODE",
    "ALTER TABLE eventstore.event ADD COLUMN more int",
    "ALTER TABLE eventstore.event DISABLE TRIGGER ALL",
    "ALTER TABLE eventstore.event OWNER TO CURRENT_USER",
    "DROP TABLE eventstore.event",
    "DROP SCHEMA eventstore CASCADE",
    "CREATE INDEX ON eventstore.event (type)",
    TRIGGER,
    "CREATE RULE r AS ON INSERT TO eventstore.event DO INSTEAD NOTHING",
    "CREATE TABLE public.child () INHERITS (eventstore.event)",
    "SELECT setval('eventstore.event_position', 1)",
    "ALTER SEQUENCE eventstore.event_position RESTART",
    "CREATE OR REPLACE FUNCTION eventstore.safe_head() RETURNS bigint LANGUAGE sql AS 'SELECT 1'",
    "DROP FUNCTION eventstore.append_event",
    "CREATE FUNCTION eventstore.own() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "CREATE TABLE public.own (n int)",
    "CREATE TABLE eventstore.own (n int)",
    "CREATE TABLE journal.own (n int)",
    "CREATE SCHEMA own",
    "CREATE ROLE own",
    "CREATE EXTENSION pg_stat_statements",
    "GRANT waybill_append TO CURRENT_USER",
    "SET ROLE waybill",
    "SET session_replication_role = replica",
    "UPDATE alembic_version SET version_num = '0001'",
    "UPDATE eventstore.stored_format SET format = 1",
    "COPY eventstore.event TO PROGRAM 'cat'",
)
READ_ONLY = (
    *(APPEND_ONE, APPEND_MANY, EVENT, FAILED, SNAPSHOT),
    "SELECT eventstore.announce_head(0)",
    "SELECT nextval('eventstore.event_position')",
    "DELETE FROM eventstore.subject_key",
    "UPDATE eventstore.subject_key SET wrapped = ''",
    "SELECT * FROM eventstore.subject_key FOR UPDATE",
)
DENIED = {
    APPEND: (
        *NO_ROLE_MAY,
        EVENT,  # at a position of the caller's choice
        "CREATE TABLE readmodel.own (n int)",
        "DROP TABLE readmodel.order_view",
        "ALTER TABLE readmodel.order_view ADD COLUMN more int",
        "TRUNCATE readmodel.order_view",
        "TRUNCATE journal.webhook",
        "TRUNCATE eventstore.subject_key",
        "SET ROLE waybill_projections",
        "SET ROLE waybill_api",
    ),
    API: (
        *NO_ROLE_MAY,
        *READ_ONLY,
        CHECKPOINT,
        PRODUCT,
        "UPDATE eventstore.checkpoint SET position = 1",
        "UPDATE readmodel.order_view SET status = 'paid'",
        "DELETE FROM readmodel.parked_step",
        "DELETE FROM journal.failed_attempts",
        "DELETE FROM journal.unchecked_order",
        "SELECT * FROM eventstore.snapshot",
        "CREATE TABLE readmodel.own (n int)",
        "TRUNCATE journal.webhook",
        "TRUNCATE eventstore.subject_key",
        "SET ROLE waybill_append",
    ),
    PROJECTIONS: (
        *NO_ROLE_MAY,
        *READ_ONLY,
        WEBHOOK,
        HEARTBEAT,
        KEY,
        "SELECT * FROM journal.webhook",
        "SELECT * FROM eventstore.subject_key",
        "SELECT subject FROM eventstore.subject_key",
        "SELECT * FROM eventstore.snapshot",
        "DELETE FROM eventstore.checkpoint",
        "CREATE TABLE journal.own (n int)",
        "SET ROLE waybill_append",
    ),
}
HEAD = (statements.SAFE_HEAD, "SELECT eventstore.safe_head_age()", statements.LAST_SAFE_EVENT)
LOG = (
    *HEAD,
    "SELECT * FROM eventstore.event",
    "SELECT pg_sequence_last_value('eventstore.event_position')",
    "SELECT last_value FROM eventstore.event_position",
    "SELECT * FROM eventstore.checkpoint",
    "SELECT version_num FROM alembic_version",
    "SELECT format FROM eventstore.stored_format",
    "LISTEN waybill_head",
)
ALLOWED = {
    APPEND: (
        *LOG,
        *(APPEND_ONE, APPEND_MANY, KEY, FAILED, CHECKPOINT, PRODUCT, SNAPSHOT),
        "SELECT eventstore.announce_head(0)",
        "UPDATE eventstore.subject_key SET wrapped = ''",
        "DELETE FROM eventstore.subject_key WHERE subject = 'ada'",
        "UPDATE eventstore.checkpoint SET position = 3",
        "DELETE FROM eventstore.checkpoint",
        "DELETE FROM readmodel.parked_step",
        "INSERT INTO readmodel.saga_recovery VALUES ('o', 1) ON CONFLICT DO NOTHING",
        "DELETE FROM journal.unchecked_order",
        "SELECT * FROM journal.webhook",
    ),
    API: (
        *(*LOG, WEBHOOK, HEARTBEAT, KEY),
        "UPDATE journal.webhook SET handled_at = clock_timestamp()",
        PRUNE,
        "UPDATE journal.heartbeat SET beat_at = clock_timestamp()",
        "SELECT * FROM readmodel.order_view",
        "SELECT * FROM readmodel.saga_recovery",
        "SELECT * FROM journal.failed_attempts",
        "SELECT * FROM journal.unchecked_order",
        "SELECT subject, key_id, wrapped, master_key_id FROM eventstore.subject_key",
    ),
    PROJECTIONS: (
        *(*LOG, CHECKPOINT, PRODUCT),
        "UPDATE eventstore.checkpoint SET position = 3",
        "TRUNCATE readmodel.order_view",
        "ALTER TABLE readmodel.order_view RENAME TO order_view_before",
        "DROP TABLE readmodel.product_view",
        "CREATE INDEX ON readmodel.order_view (status)",
    ),
}


def each(cases: Mapping[DatabaseRole, tuple[str, ...]]) -> list[tuple[DatabaseRole, str]]:
    return [(role, statement) for role, of_role in cases.items() for statement in of_role]


@pytest.fixture(scope="module")
async def connections(servers: Servers, module_database_url: str) -> AsyncIterator[Connections]:
    async with AsyncExitStack() as stack:
        yield {
            role: await stack.enter_async_context(
                connected(beside(servers, role, module_database_url))
            )
            for role in DatabaseRole
        }


@pytest.fixture(scope="module", autouse=True)
async def an_event(connections: Connections) -> None:
    await connections[APPEND].execute(APPEND_ONE)


@pytest.mark.parametrize(("role", "statement"), each(DENIED))
async def test_a_role_is_refused_the_rights_of_others(
    connections: Connections, role: DatabaseRole, statement: str
) -> None:
    events = "SELECT count(*) FROM eventstore.event"
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        async with connections[role].transaction():
            await connections[role].execute(statement)
    assert await connections[DatabaseRole.MIGRATION].fetchval(events) == 1


@pytest.mark.parametrize(("role", "statement"), each(ALLOWED))
async def test_a_role_may_run_its_statements(
    connections: Connections, role: DatabaseRole, statement: str
) -> None:
    undone = connections[role].transaction()
    await undone.start()
    try:
        await connections[role].execute(statement)
    finally:
        await undone.rollback()


async def test_a_table_that_the_projections_make_is_of_use_to_the_others_at_once(
    connections: Connections,
) -> None:
    await connections[PROJECTIONS].execute("CREATE TABLE readmodel.second (sku text)")
    await connections[APPEND].execute("INSERT INTO readmodel.second VALUES ('mug')")
    await connections[APPEND].execute("UPDATE readmodel.second SET sku = 'pot'")
    assert await connections[API].fetchval("SELECT sku FROM readmodel.second") == "pot"
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await connections[API].execute("DELETE FROM readmodel.second")
    await connections[PROJECTIONS].execute("DROP TABLE readmodel.second")


async def test_every_read_model_belongs_to_the_projections(connections: Connections) -> None:
    owners = await connections[APPEND].fetch(
        "SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'readmodel'"
    )
    assert [row["tableowner"] for row in owners] == ["waybill_projections"]


async def test_every_table_has_a_role_that_writes_it(connections: Connections) -> None:
    unwritten = await connections[DatabaseRole.MIGRATION].fetch(
        "SELECT schemaname || '.' || tablename AS name FROM pg_tables"
        " WHERE schemaname IN ('eventstore', 'readmodel', 'journal')"
        " AND tablename <> 'stored_format' AND NOT EXISTS ("
        "     SELECT FROM unnest(ARRAY['waybill_append', 'waybill_api', 'waybill_projections']) r"
        "     WHERE has_any_column_privilege(r, schemaname || '.' || tablename, 'INSERT'))"
    )
    assert [row["name"] for row in unwritten] == [], "use migrations/grants.py"


async def test_no_role_of_a_process_has_needless_attributes(connections: Connections) -> None:
    powerful = await connections[DatabaseRole.MIGRATION].fetch(
        "SELECT rolname FROM pg_roles WHERE rolname ~ '^waybill_' AND"
        " (rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls)"
    )
    assert powerful == []


async def test_the_roles_that_ask_for_the_age_of_the_head_may_see_all_transactions(
    connections: Connections,
) -> None:
    for role in (APPEND, API):
        assert await connections[role].fetchval(
            "SELECT pg_has_role(current_user, 'pg_read_all_stats', 'USAGE')"
        )
