"""Grant the rights on a table, in the migration that creates it.

The schemas' default privileges let the reading roles read a new table. Only its owner may write it
until its migration grants that.
"""

from __future__ import annotations

from alembic import op

from settings import DatabaseRole


def writable_by(table: str, *roles: DatabaseRole) -> None:
    """Let these roles insert, update and delete rows of the table, named with its schema."""
    groups = ", ".join(role.group for role in roles)
    op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO {groups}")


def is_read_model(table: str) -> None:
    """Give the table, one of schema `readmodel`, to the role that rebuilds read models.

    The appending role may write it, because default privileges cover the whole schema.
    """
    op.execute(f"ALTER TABLE {table} OWNER TO {DatabaseRole.PROJECTIONS.group}")


def readable_by(relation: str, *roles: DatabaseRole) -> None:
    """Let these roles read a table or view that the defaults do not grant them."""
    groups = ", ".join(role.group for role in roles)
    op.execute(f"GRANT SELECT ON {relation} TO {groups}")
