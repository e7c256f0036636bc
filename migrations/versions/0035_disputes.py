"""The amounts of a payment's disputes, and an index by which a webhook finds its order."""

from __future__ import annotations

from alembic import op

from migrations.indexes import create_index_concurrently

revision = "0035"
down_revision = "0034"

DESTROYS = ()

INDEX = "payment_view_reference_idx"


def upgrade() -> None:
    # Creating the index commits this statement first, and an interrupted run repeats it.
    op.execute(
        """
        ALTER TABLE readmodel.payment_view
            ADD COLUMN IF NOT EXISTS disputed bigint NOT NULL DEFAULT 0,
            ADD COLUMN IF NOT EXISTS dispute_won bigint NOT NULL DEFAULT 0,
            ADD COLUMN IF NOT EXISTS dispute_lost bigint NOT NULL DEFAULT 0
        """
    )
    create_index_concurrently(INDEX, "readmodel.payment_view", "(reference)")


def downgrade() -> None:
    op.execute(f"DROP INDEX readmodel.{INDEX}")
    op.execute(
        """
        ALTER TABLE readmodel.payment_view
            DROP COLUMN disputed,
            DROP COLUMN dispute_won,
            DROP COLUMN dispute_lost
        """
    )
