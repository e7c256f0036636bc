"""Refuse a downgrade that would destroy data, unless the operator allows it."""

from __future__ import annotations

from collections.abc import Sequence

from alembic import context
from alembic.util import CommandError
from sqlalchemy import Connection


def refuse_to_destroy(connection: Connection | None) -> None:
    """Raise CommandError if rows would be lost, unless `-x destroy=yes` is given.

    Each migration lists in DESTROYS the tables that lose rows by its downgrade. Without a
    connection no row can be counted, so every such table is refused.
    """
    if context.get_x_argument(as_dictionary=True).get("destroy") == "yes":
        return
    tables = _destroyed()
    if connection is None:
        lost = tables
    else:
        lost = _filled(connection, tables)
        for table in [] if lost else tables:
            connection.exec_driver_sql(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
        lost = lost or _filled(connection, tables)
    if lost:
        raise CommandError(
            f"this downgrade destroys {', '.join(lost)}: back them up, then repeat it as "
            "`alembic -x destroy=yes downgrade ...`"
        )


def _destroyed() -> Sequence[str]:
    migration = context.get_context()
    steps = migration.opts["fn"](migration.get_current_heads(), migration)
    lost = (table for step in steps for table in step.revision.module.DESTROYS)
    return list(dict.fromkeys(lost))


def _filled(connection: Connection, tables: Sequence[str]) -> list[str]:
    counts = {
        table: connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar_one()  # noqa: S608
        for table in tables
    }
    return [f"{table} ({count} rows)" for table, count in counts.items() if count]
