"""Find the orders of nothing to pay, which have no payment to be found by.

The condition names no column that changes, so that the update of an order writes no index.
"""

from __future__ import annotations

from alembic import op

from migrations.indexes import create_index_concurrently

revision = "0034"
down_revision = "0033"

DESTROYS = ()

NAME = "order_view_unpaid_idx"


def upgrade() -> None:
    create_index_concurrently(NAME, "readmodel.order_view", "(order_id) WHERE total = 0")


def downgrade() -> None:
    op.execute(f"DROP INDEX readmodel.{NAME}")
