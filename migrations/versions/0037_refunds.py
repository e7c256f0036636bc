"""Refunds that operators request, refunds made elsewhere, and accepted discrepancies."""

from __future__ import annotations

from alembic import op

from migrations.grants import is_read_model

revision = "0037"
down_revision = "0036"

DESTROYS = ("readmodel.order_refund",)

CHANGES = (
    "ALTER TABLE readmodel.payment_view ADD COLUMN refunded_elsewhere bigint NOT NULL DEFAULT 0",
    """
    ALTER TABLE readmodel.saga_discrepancy
        ADD COLUMN accepted_at timestamptz,
        ADD COLUMN accepted_by text,
        ADD COLUMN accepted_reason text
    """,
    """
    CREATE TABLE readmodel.order_refund (
        order_id     text        NOT NULL COLLATE "C",
        number       int         NOT NULL,
        currency     text        NOT NULL,
        amount       bigint      NOT NULL,
        price        jsonb,
        lines        jsonb       NOT NULL,
        reason       text        NOT NULL,
        key          text        NOT NULL COLLATE "C",
        requested_by text,
        requested_at timestamptz NOT NULL,
        refunded     bigint,
        ended_at     timestamptz,
        position     bigint      NOT NULL,
        PRIMARY KEY (order_id, number)
    )
    """,
    # The refunds whose workflow must run, which are few.
    """
    CREATE INDEX order_refund_open_idx ON readmodel.order_refund (requested_at)
    WHERE ended_at IS NULL
    """,
)


def upgrade() -> None:
    for change in CHANGES:
        op.execute(change)
    is_read_model("readmodel.order_refund")


def downgrade() -> None:
    op.execute("DROP TABLE readmodel.order_refund")
    op.execute(
        """
        ALTER TABLE readmodel.saga_discrepancy
            DROP COLUMN accepted_at,
            DROP COLUMN accepted_by,
            DROP COLUMN accepted_reason
        """
    )
    op.execute("ALTER TABLE readmodel.payment_view DROP COLUMN refunded_elsewhere")
