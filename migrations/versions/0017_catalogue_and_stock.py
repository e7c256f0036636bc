"""Discontinued products, stock adjustments, and stock figures under their right names."""

from __future__ import annotations

from alembic import op

revision = "0017"
down_revision = "0016"

DESTROYS = ()  # the projections compute these columns from the log

CHANGES = (
    """
    ALTER TABLE readmodel.product_view
        ADD COLUMN discontinued boolean NOT NULL DEFAULT false
    """,
    # The catalogue that customers page through.
    "CREATE INDEX product_view_on_sale ON readmodel.product_view (sku) WHERE NOT discontinued",
    # The column on_hand held the available pieces: those that no order has reserved.
    """
    ALTER TABLE readmodel.inventory_view
        ADD COLUMN adjusted bigint NOT NULL DEFAULT 0,
        DROP COLUMN on_hand
    """,
    """
    ALTER TABLE readmodel.inventory_view
        ADD COLUMN on_hand bigint NOT NULL
            GENERATED ALWAYS AS (received + adjusted - shipped) STORED,
        ADD COLUMN available bigint NOT NULL
            GENERATED ALWAYS AS (received + adjusted - shipped - reserved) STORED
    """,
    # The backordered pieces of a product.
    "CREATE INDEX backorder_view_sku ON readmodel.backorder_view (sku)",
)


def upgrade() -> None:
    for change in CHANGES:
        op.execute(change)


def downgrade() -> None:
    op.execute("DROP INDEX readmodel.backorder_view_sku")
    op.execute("ALTER TABLE readmodel.inventory_view DROP COLUMN available, DROP COLUMN on_hand")
    op.execute(
        """
        ALTER TABLE readmodel.inventory_view
            DROP COLUMN adjusted,
            ADD COLUMN on_hand bigint NOT NULL
                GENERATED ALWAYS AS (received - reserved - shipped) STORED
        """
    )
    op.execute("DROP INDEX readmodel.product_view_on_sale")
    op.execute("ALTER TABLE readmodel.product_view DROP COLUMN discontinued")
