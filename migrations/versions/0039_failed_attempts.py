"""Each failed attempt of a step, where only the last one was kept."""

from __future__ import annotations

from alembic import op

revision = "0039"
down_revision = "0038"

DESTROYS = ("journal.failed_attempts",)


def upgrade() -> None:
    # The row of a step was its last attempt, and its count is the number of that attempt.
    op.execute("ALTER TABLE journal.failed_attempts RENAME COLUMN count TO number")
    op.execute(
        """
        ALTER TABLE journal.failed_attempts
            ADD COLUMN started_at timestamptz,
            DROP CONSTRAINT failed_attempts_pkey,
            ADD PRIMARY KEY (order_id, step, number)
        """
    )


def downgrade() -> None:
    op.execute(
        """
        DELETE FROM journal.failed_attempts AS earlier USING journal.failed_attempts AS later
        WHERE later.order_id = earlier.order_id AND later.step = earlier.step
          AND later.number > earlier.number
        """
    )
    op.execute(
        """
        ALTER TABLE journal.failed_attempts
            DROP COLUMN started_at,
            DROP CONSTRAINT failed_attempts_pkey,
            ADD PRIMARY KEY (order_id, step)
        """
    )
    op.execute("ALTER TABLE journal.failed_attempts RENAME COLUMN number TO count")
