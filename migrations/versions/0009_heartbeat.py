"""A row that the readiness check writes, to prove that the database accepts writes."""

from __future__ import annotations

from alembic import op

revision = "0009"
down_revision = "0008"

DESTROYS = ()  # the next check writes a heartbeat again


def upgrade() -> None:
    # Each readiness check updates the row of its API process: leave room for HOT updates.
    op.execute(
        """
        CREATE TABLE journal.heartbeat (
            process text        PRIMARY KEY COLLATE "C",
            beat_at timestamptz NOT NULL
        ) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0,
                autovacuum_vacuum_threshold = 1000)
        """
    )


def downgrade() -> None:
    op.execute("DROP TABLE journal.heartbeat")
