"""The states of long streams, so that they need not be read from the beginning."""

from __future__ import annotations

from alembic import op

revision = "0005"
down_revision = "0004"

DESTROYS = ()  # snapshots are rebuilt from the log


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE eventstore.snapshot (
            stream_id text        PRIMARY KEY COLLATE "C",
            version   bigint      NOT NULL,
            schema    text        NOT NULL,
            state     jsonb       NOT NULL,
            taken_at  timestamptz NOT NULL DEFAULT clock_timestamp()
        ) WITH (fillfactor = 50)
        """
    )


def downgrade() -> None:
    op.execute("DROP TABLE eventstore.snapshot")
