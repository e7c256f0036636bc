"""Run Alembic's commands. README.md beside this file has the rules for migrations and functions."""

from __future__ import annotations

import asyncio

from alembic import context
from alembic.util import CommandError
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from kit.engine import create_engine
from migrations.destruction import refuse_to_destroy
from migrations.errors import whole
from migrations.functions import install, print_functions
from migrations.locking import only_migrator, print_notices, repeated_while_locked
from migrations.stored_format import refuse_other_format
from settings import DatabaseRole, SettingsError, load_settings
from stored_format import OtherStoredFormatError

READERS = (DatabaseRole.APPEND, DatabaseRole.API, DatabaseRole.PROJECTIONS)
WRITER = (DatabaseRole.APPEND,)

FUNCTIONS = {
    "positions_are_cached": READERS,
    "refuse_position": READERS,
    "drawn_position": READERS,
    "newest_event": READERS,
    "is_lost": READERS,
    "announcement": READERS,
    "announced_appends": READERS,
    "position_of_new_key": (*WRITER, DatabaseRole.API),
    "erase_subject": WRITER,
    "safe_head": READERS,
    "held_floors": READERS,
    "safe_head_age": READERS,
    "announce_head": WRITER,
    "filtered_events": READERS,
    "append_event": WRITER,
    "append": WRITER,
    "load_streams": WRITER,
    "lock_streams": WRITER,
}
"""The files of eventstore/sql in the order of their dependence, and the roles that may use each."""

WRITING = ("upgrade", "downgrade", "do_stamp")
"""The functions by which Alembic's commands change the database. All others only read it."""


def configure(connection: Connection) -> str:
    """Prepare Alembic for this connection; return the name of its command's function."""
    context.configure(connection=connection)
    name: str = context.get_context().opts["fn"].__name__
    if name not in WRITING:
        context.configure(connection=connection, dont_mutate=True)
    return name


def run_command(connection: Connection) -> None:
    command = configure(connection)
    with context.begin_transaction():
        if command == "upgrade":
            refuse_other_format(connection)
        if command == "downgrade":
            refuse_to_destroy(connection)
        context.run_migrations()
        if command == "upgrade" and is_at_head():
            install(connection, FUNCTIONS)


def is_at_head() -> bool:
    return set(context.get_context().get_current_heads()) == set(context.script.get_heads())


async def run_online() -> None:
    try:
        url = load_settings().url_of(DatabaseRole.MIGRATION)
    except SettingsError as error:
        raise SystemExit(f"waybill: {error}") from None
    engine = create_engine(url, transaction_seconds=0)
    try:
        async with engine.connect() as connection:
            await run_over(connection)
    except OtherStoredFormatError as error:
        raise SystemExit(f"waybill: {error}") from None
    except DBAPIError as error:
        raise CommandError(whole(error)) from None
    except OSError as error:
        raise CommandError(f"PostgreSQL cannot be reached: {error}") from None
    finally:
        await engine.dispose()


async def run_over(connection: AsyncConnection) -> None:
    if await connection.run_sync(configure) not in WRITING:
        await connection.run_sync(run_command)
        return
    await print_notices(connection)
    await only_migrator(connection)
    await repeated_while_locked(connection, run_command)


def run_offline() -> None:
    """Print the SQL of the command: neither a database nor a setting is needed."""
    context.configure(
        dialect_name="postgresql",
        literal_binds=True,
        dialect_opts={"paramstyle": "named"},  # does not double a percent sign
    )
    command = context.get_context().opts["fn"].__name__
    if command == "downgrade":
        refuse_to_destroy(None)
    with context.begin_transaction():
        context.run_migrations()
        if command == "upgrade" and context.get_revision_argument() == context.get_head_revision():
            print_functions(FUNCTIONS)


if context.is_offline_mode():
    run_offline()
else:
    asyncio.run(run_online())
