"""Prices in parts: the price of an order, its discount code, and the refund of each return."""

from __future__ import annotations

from alembic import op

revision = "0020"
down_revision = "0019"

DESTROYS = ()


def upgrade() -> None:
    op.execute(
        """
        ALTER TABLE readmodel.order_view
            ADD COLUMN price jsonb,
            ADD COLUMN refunds jsonb NOT NULL DEFAULT '[]',
            ADD COLUMN discount_code text
        """
    )


def downgrade() -> None:
    op.execute(
        """
        ALTER TABLE readmodel.order_view
            DROP COLUMN price, DROP COLUMN refunds, DROP COLUMN discount_code
        """
    )
