"""The carrier's name and the tracking URL of a parcel."""

from __future__ import annotations

from alembic import op

revision = "0016"
down_revision = "0015"

DESTROYS = ()


def upgrade() -> None:
    op.execute(
        """
        ALTER TABLE readmodel.shipment_view
            ADD COLUMN carrier text,
            ADD COLUMN tracking_url text
        """
    )


def downgrade() -> None:
    op.execute(
        """
        ALTER TABLE readmodel.shipment_view
            DROP COLUMN carrier,
            DROP COLUMN tracking_url
        """
    )
