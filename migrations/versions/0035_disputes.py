"""Keep the amounts of a payment's disputes."""

from __future__ import annotations

from alembic import op

revision = "0035"
down_revision = "0034"

DESTROYS = ()


def upgrade() -> None:
    op.execute(
        """
        ALTER TABLE readmodel.payment_view
            ADD COLUMN disputed bigint NOT NULL DEFAULT 0,
            ADD COLUMN dispute_won bigint NOT NULL DEFAULT 0,
            ADD COLUMN dispute_lost bigint NOT NULL DEFAULT 0
        """
    )


def downgrade() -> None:
    op.execute(
        """
        ALTER TABLE readmodel.payment_view
            DROP COLUMN disputed,
            DROP COLUMN dispute_won,
            DROP COLUMN dispute_lost
        """
    )
