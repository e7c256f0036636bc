"""Alembic's entry: tables by their history, functions as they stand now.

A table changes by a migration. A function is code: each upgrade ends by dropping all of them and
creating eventstore/sql anew, in the same transaction, so a function is changed by editing its file.
What running processes still call keeps its name and arguments until they are gone.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from alembic import context
from sqlalchemy import Connection

from eventstore.engine import create_engine
from settings import load_settings

FUNCTIONS = (
    "positions_are_cached",
    "refuse_position",
    "drawn_position",
    "newest_event",
    "is_lost",
    "announcement",
    "announced_appends",
    "position_of_new_key",
    "erase_subject",
    "safe_head",
    "held_floors",
    "safe_head_age",
    "announce_head",
    "filtered_events",
    "append_event",
    "append",
)
"""In the order of their dependence."""

DROP_ALL = """
    DO $$
    DECLARE
        routine regprocedure;
    BEGIN
        FOR routine IN
            SELECT oid::regprocedure FROM pg_proc WHERE pronamespace = 'eventstore'::regnamespace
        LOOP
            EXECUTE 'DROP ROUTINE IF EXISTS ' || routine || ' CASCADE';
        END LOOP;
    END
    $$
"""

SQL = Path(__file__).parent.parent / "eventstore" / "sql"


def migrate(connection: Connection) -> None:
    connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7003)")  # one migrator at a time
    context.configure(connection=connection)
    context.run_migrations()
    connection.exec_driver_sql(DROP_ALL)
    for name in FUNCTIONS:
        connection.exec_driver_sql((SQL / f"{name}.sql").read_text())


async def run() -> None:
    settings = load_settings()
    settings.require("database_url")
    engine = create_engine(settings.database_url.get_secret_value(), transaction_seconds=0)
    try:
        async with engine.begin() as connection:
            await connection.run_sync(migrate)
    finally:
        await engine.dispose()


asyncio.run(run())
