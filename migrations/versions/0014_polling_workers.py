"""The workers that poll for the sagas' tasks. The workers write it, the API reads it."""

from __future__ import annotations

from alembic import op

from migrations.grants import writable_by
from settings import DatabaseRole

revision = "0014"
down_revision = "0013"

DESTROYS = ()  # each worker writes its row again within seconds


def upgrade() -> None:
    # Each worker process updates its row every few seconds: leave room for HOT updates.
    op.execute(
        """
        CREATE TABLE journal.polling_worker (
            process    text        PRIMARY KEY COLLATE "C",
            task_queue text        NOT NULL,
            build_id   text        NOT NULL,
            polled_at  timestamptz NOT NULL
        ) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0,
                autovacuum_vacuum_threshold = 1000)
        """
    )
    writable_by("journal.polling_worker", DatabaseRole.APPEND)


def downgrade() -> None:
    op.execute("DROP TABLE journal.polling_worker")
