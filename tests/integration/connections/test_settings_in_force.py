"""The pool uses a session only when its settings are in force."""

from __future__ import annotations

import asyncpg
import pytest
from sqlalchemy import text

from eventstore.postgres import PostgresEventStore
from eventstore.versions import NO_STREAM
from kit.connection import SettingNotInForce, session_settings
from kit.engine import create_engine
from kit.pool import create_pool
from settings import DatabaseRole
from stack.postgres import LOGINS
from tests.integration.connections.conftest import ours
from tests.integration.connections.proxy import Parameters, proxied
from tests.integration.eventstore.conftest import some_events

IN_FORCE = {
    "transaction_timeout": "15s",
    "idle_in_transaction_session_timeout": "10s",
    "default_transaction_isolation": "read committed",
    "synchronous_commit": "on",
}
KEEPALIVES = {
    "tcp_keepalives_idle": "20",
    "tcp_keepalives_interval": "10",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "50000",
}
READ = "SELECT current_setting(:name)"


@pytest.mark.parametrize(("name", "value"), (IN_FORCE | KEEPALIVES).items())
async def test_pool_and_engine_have_the_same_settings(
    database_url: str, name: str, value: str
) -> None:
    async with await create_pool(database_url) as pool:
        assert await pool.fetchval("SELECT current_setting($1)", name) == value
    engine = create_engine(database_url)
    async with engine.connect() as connection:
        assert await connection.scalar(text(READ), {"name": name}) == value
    await engine.dispose()


@pytest.mark.parametrize(
    ("seconds", "written"),
    [(0, "0"), (1, "1s"), (59, "59s"), (60, "1min"), (90, "90s"), (3600, "1h"), (86_400, "1d")],
)
async def test_each_limit_is_written_as_postgresql_writes_it(
    database_url: str, seconds: int, written: str
) -> None:
    assert session_settings(seconds)["transaction_timeout"] == written
    async with await create_pool(database_url, transaction_seconds=seconds) as pool:
        assert await pool.fetchval("SHOW transaction_timeout") == written


@pytest.mark.parametrize("name", IN_FORCE)
async def test_a_session_without_a_setting_is_refused_and_writes_nothing(
    database_url: str, operator: asyncpg.Connection, name: str
) -> None:
    unlike = {
        "transaction_timeout": "0",
        "idle_in_transaction_session_timeout": "0",
        "default_transaction_isolation": "serializable",
        "synchronous_commit": "off",
    }

    def overridden(parameters: Parameters) -> Parameters:
        return parameters | {name: unlike[name]}

    async with (
        proxied(database_url, overridden) as (_, url),
        await create_pool(url) as pool,
    ):
        with pytest.raises(SettingNotInForce) as refusal:
            await PostgresEventStore(pool).save_events("order-1", some_events(), NO_STREAM)
        engine = create_engine(url)
        with pytest.raises(SettingNotInForce):
            await engine.connect()
        await engine.dispose()

    error = refusal.value
    assert (error.setting, error.asked, error.got) == (name, IN_FORCE[name], unlike[name])
    assert "Connect directly" in str(error)
    assert "ignore_startup_parameters" in str(error)
    assert "\n" not in str(error)
    assert await operator.fetchval("SELECT count(*) FROM eventstore.event") == 0
    assert await ours(operator) == 0


async def test_a_pooler_that_ignores_startup_parameters_is_refused(database_url: str) -> None:
    def ignoring(parameters: Parameters) -> Parameters:
        return {name: parameters[name] for name in ("user", "database", "client_encoding")}

    async with proxied(database_url, ignoring) as (_, url), await create_pool(url) as pool:
        with pytest.raises(SettingNotInForce, match="transaction_timeout is 0, not 15s as asked"):
            await pool.fetchval("SELECT 1")


async def test_a_pooler_that_keeps_the_required_settings_is_accepted(database_url: str) -> None:
    def renaming(parameters: Parameters) -> Parameters:
        kept = {n: v for n, v in parameters.items() if n not in KEEPALIVES}
        return kept | {"application_name": "pooler"}

    async with proxied(database_url, renaming) as (_, url), await create_pool(url) as pool:
        assert await pool.fetchval("SHOW application_name") == "pooler"


async def test_the_settings_of_a_role_do_not_change_the_sessions(
    database_url: str, operator: asyncpg.Connection
) -> None:
    name = await operator.fetchval("SELECT current_database()")
    for setting in ("synchronous_commit = off", "transaction_timeout = 0"):
        await operator.execute(f'ALTER DATABASE "{name}" SET {setting}')
        login = LOGINS[DatabaseRole.APPEND]
        await operator.execute(f'ALTER ROLE {login} IN DATABASE "{name}" SET {setting}')

    async with await create_pool(database_url) as pool:
        assert await pool.fetchval("SHOW synchronous_commit") == "on"
        assert await pool.fetchval("SHOW transaction_timeout") == "15s"


async def test_a_migration_has_no_time_limit(
    database_url: str, operator: asyncpg.Connection
) -> None:
    name = await operator.fetchval("SELECT current_database()")
    await operator.execute(f"ALTER DATABASE \"{name}\" SET transaction_timeout = '1s'")
    engine = create_engine(database_url, transaction_seconds=0)

    async with engine.connect() as connection:
        values = [
            await connection.scalar(text(READ), {"name": setting})
            for setting in ("transaction_timeout", "idle_in_transaction_session_timeout")
        ]
    await engine.dispose()

    assert values == ["0", "0"]
