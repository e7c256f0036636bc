"""The number of an order, and what it was promised."""

from __future__ import annotations

from alembic import op

revision = "0019"
down_revision = "0015"

DESTROYS = ()

CHANGES = (
    """
    ALTER TABLE readmodel.order_view
        ADD COLUMN number text COLLATE "C",
        ADD COLUMN promises jsonb
    """,
    # activities/placing.py knows the index by its name.
    "CREATE UNIQUE INDEX order_view_number_key ON readmodel.order_view (number)",
)


def upgrade() -> None:
    for change in CHANGES:
        op.execute(change)


def downgrade() -> None:
    op.execute("ALTER TABLE readmodel.order_view DROP COLUMN promises, DROP COLUMN number")
