"""How the log is read, and how soon an erased key leaves its table."""

from __future__ import annotations

from alembic import op

revision = "0012"
down_revision = "0009"


def upgrade() -> None:
    # The event that a snapshot was taken after: after a restore the stream may hold another.
    op.execute("ALTER TABLE eventstore.snapshot ADD COLUMN event_id uuid")

    # Each erased key leaves a dead row: autovacuum takes it at its next round, not after fifty.
    op.execute(
        """
        ALTER TABLE eventstore.subject_key
        SET (autovacuum_vacuum_threshold = 0, autovacuum_vacuum_scale_factor = 0)
        """
    )


def downgrade() -> None:
    op.execute(
        """
        ALTER TABLE eventstore.subject_key
        RESET (autovacuum_vacuum_threshold, autovacuum_vacuum_scale_factor)
        """
    )
    op.execute("ALTER TABLE eventstore.snapshot DROP COLUMN event_id")
