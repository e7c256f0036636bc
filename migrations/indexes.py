"""Create an index on a table without stopping its writers."""

from __future__ import annotations

from alembic import op

_DROP_INVALID = """
    DO $$
    BEGIN
        IF EXISTS (SELECT FROM pg_index WHERE indexrelid = to_regclass('{schema}.{name}')
                   AND NOT indisvalid) THEN
            DROP INDEX {schema}.{name};
        END IF;
    END
    $$
"""

_RESTORE_LOCK_TIMEOUT = """
    SELECT set_config('lock_timeout',
                      coalesce(nullif(current_setting('waybill.lock_timeout', true), ''), '0'),
                      false)
"""


def create_index_concurrently(name: str, table: str, definition: str) -> None:
    """Create the index on a table named with its schema, unless the index exists.

    `definition` follows the table's name in SQL, e.g. `(type, position)`. The statement runs
    outside any transaction and commits all earlier migrations first, so a migration that calls
    this does nothing else. An interrupted run leaves an invalid index; the next run replaces it.
    """
    schema = table.partition(".")[0]
    with op.get_context().autocommit_block():
        op.execute(_DROP_INVALID.format(schema=schema, name=name))
        # It may wait long for older transactions, because it blocks no other statement.
        op.execute("SET lock_timeout = 0")
        op.execute(f"CREATE INDEX CONCURRENTLY IF NOT EXISTS {name} ON {table} {definition}")
        op.execute(_RESTORE_LOCK_TIMEOUT)
