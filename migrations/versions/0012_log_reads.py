"""How the log is read, and how soon an erased key leaves its table."""

from __future__ import annotations

from alembic import op

revision = "0012"
down_revision = "0009"


def upgrade() -> None:
    # The event that a snapshot was taken after: after a restore the stream may hold another.
    op.execute("ALTER TABLE eventstore.snapshot ADD COLUMN event_id uuid")


def downgrade() -> None:
    op.execute("ALTER TABLE eventstore.snapshot DROP COLUMN event_id")
