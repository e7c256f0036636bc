"""An index by which an order finds the webhooks that providers have sent about it."""

from __future__ import annotations

from alembic import op

from migrations.indexes import create_index_concurrently

revision = "0033"
down_revision = "0032"

DESTROYS = ()

INDEX = "webhook_order_idx"


def upgrade() -> None:
    create_index_concurrently(INDEX, "journal.webhook", "(order_id)")


def downgrade() -> None:
    op.execute(f"DROP INDEX journal.{INDEX}")
