"""The record of the event bus."""

from __future__ import annotations

from alembic import op

from migrations.grants import readable_by, writable_by
from settings import DatabaseRole

revision = "0013"
down_revision = "0012"

DESTROYS = ()  # the relay finds the missing events again


def upgrade() -> None:
    # One row, written by the relay and by `make republish`.
    op.execute(
        """
        CREATE TABLE eventstore.bus (
            name           text   PRIMARY KEY COLLATE "C",
            generation     text   NOT NULL DEFAULT '',
            first_sequence bigint NOT NULL DEFAULT 0,
            last_sequence  bigint NOT NULL DEFAULT 0,
            removed        bigint NOT NULL DEFAULT 0,
            losses         bigint NOT NULL DEFAULT 0,
            missing_to     bigint,
            fault          text
        ) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0,
                autovacuum_vacuum_threshold = 1000)
        """
    )
    writable_by("eventstore.bus", DatabaseRole.APPEND)
    readable_by("eventstore.bus", DatabaseRole.API)
    op.execute("INSERT INTO eventstore.bus (name) VALUES ('relay')")
    op.execute(
        """
        COMMENT ON TABLE eventstore.bus IS
            'What the bus said last that it keeps (generation, sequences), how often it had lost'
            ' events (losses), up to which position it lacks them (missing_to), and why it takes'
            ' none now (fault)'
        """
    )


def downgrade() -> None:
    op.execute("DROP TABLE eventstore.bus")
