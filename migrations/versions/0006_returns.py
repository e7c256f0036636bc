"""Orders that are returned or wait for stock, and parcels that left before they were recorded."""

from __future__ import annotations

from alembic import op

revision = "0006"
down_revision = "0005"

DESTROYS = ("readmodel.backorder_view", "readmodel.shipment_view")

CHANGES = (
    """
    ALTER TABLE readmodel.order_view
        ADD COLUMN return_requested boolean NOT NULL DEFAULT false
    """,
    """
    ALTER TABLE readmodel.shipment_view
        ALTER COLUMN shipment_id DROP NOT NULL,
        ALTER COLUMN tracking_number DROP NOT NULL
    """,
    # A row exists while the order waits for the product, so the table is small.
    """
    CREATE TABLE readmodel.backorder_view (
        order_id text   NOT NULL COLLATE "C",
        sku      text   NOT NULL COLLATE "C",
        quantity bigint NOT NULL,
        position bigint NOT NULL,
        PRIMARY KEY (order_id, sku)
    )
    """,
)


def upgrade() -> None:
    for change in CHANGES:
        op.execute(change)


def downgrade() -> None:
    op.execute("DROP TABLE readmodel.backorder_view")
    op.execute("DELETE FROM readmodel.shipment_view WHERE tracking_number IS NULL")
    op.execute(
        """
        ALTER TABLE readmodel.shipment_view
            ALTER COLUMN shipment_id SET NOT NULL,
            ALTER COLUMN tracking_number SET NOT NULL
        """
    )
    op.execute("ALTER TABLE readmodel.order_view DROP COLUMN return_requested")
