"""The payments with an open dispute, which reconciliation asks the provider for."""

from __future__ import annotations

from alembic import op

from migrations.indexes import create_index_concurrently

revision = "0040"
down_revision = "0039"

DESTROYS = ()

NAME = "payment_view_disputed_idx"


def upgrade() -> None:
    create_index_concurrently(NAME, "readmodel.payment_view", "(reference) WHERE disputed > 0")


def downgrade() -> None:
    op.execute(f"DROP INDEX readmodel.{NAME}")
