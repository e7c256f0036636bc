"""The position that each follower of the log has reached."""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"

DESTROYS = ("eventstore.checkpoint",)


def upgrade() -> None:
    # The few rows change continually: leave room for HOT updates, and vacuum by count only.
    op.execute(
        """
        CREATE TABLE eventstore.checkpoint (
            name     text   PRIMARY KEY COLLATE "C",
            position bigint NOT NULL
        ) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0,
                autovacuum_vacuum_threshold = 1000)
        """
    )


def downgrade() -> None:
    op.execute("DROP TABLE eventstore.checkpoint")
