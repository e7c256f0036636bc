"""The safe head as the leader last announced it. Readers on a standby read up to it."""

from __future__ import annotations

from alembic import op

from migrations.grants import readable_by, writable_by
from settings import DatabaseRole

revision = "0024"
down_revision = "0023"

DESTROYS = ()  # the leader writes the row again

TABLE = "eventstore.announced_head"


def upgrade() -> None:
    # One row, which the leader updates up to 20 times a second. The rest of its page takes the HOT
    # updates, and each of them prunes the versions before it.
    op.execute(
        """
        CREATE TABLE eventstore.announced_head (
            is_only_row  boolean     PRIMARY KEY DEFAULT true CHECK (is_only_row),
            position     bigint      NOT NULL,
            announced_at timestamptz NOT NULL
        ) WITH (fillfactor = 10, autovacuum_vacuum_scale_factor = 0,
                autovacuum_vacuum_threshold = 1000)
        """
    )
    op.execute("INSERT INTO eventstore.announced_head VALUES (true, 0, clock_timestamp())")
    writable_by(TABLE, DatabaseRole.APPEND)
    readable_by(TABLE, DatabaseRole.API, DatabaseRole.PROJECTIONS)


def downgrade() -> None:
    op.execute(f"DROP TABLE {TABLE}")
