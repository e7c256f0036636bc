"""The read models that change in the transaction of their events."""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"

DESTROYS = (
    "readmodel.order_view",
    "readmodel.payment_view",
    "readmodel.shipment_view",
    "readmodel.inventory_view",
    "readmodel.product_view",
)

TABLES = (
    """
    CREATE TABLE readmodel.order_view (
        order_id    text        PRIMARY KEY COLLATE "C",
        customer_id text        NOT NULL COLLATE "C",
        status      text        NOT NULL COLLATE "C",
        reason      text,
        currency    text        NOT NULL,
        total       bigint      NOT NULL,
        lines       jsonb       NOT NULL,
        fingerprint text        NOT NULL,
        placed_at   timestamptz NOT NULL,
        updated_at  timestamptz NOT NULL,
        placed_position bigint  NOT NULL,
        position    bigint      NOT NULL
    ) WITH (fillfactor = 75)
    """,
    "CREATE INDEX ON readmodel.order_view (customer_id, placed_position)",
    "CREATE INDEX ON readmodel.order_view (placed_position)",
    """
    CREATE TABLE readmodel.payment_view (
        order_id     text   PRIMARY KEY COLLATE "C",
        status       text   NOT NULL COLLATE "C",
        attempt      int    NOT NULL,
        currency     text   NOT NULL,
        amount       bigint NOT NULL,
        captured     bigint NOT NULL DEFAULT 0,
        refunded     bigint NOT NULL DEFAULT 0,
        reference    text,
        action_url   text,
        decline_code text,
        position     bigint NOT NULL
    ) WITH (fillfactor = 75)
    """,
    """
    CREATE TABLE readmodel.shipment_view (
        order_id        text   PRIMARY KEY COLLATE "C",
        status          text   NOT NULL COLLATE "C",
        shipment_id     text   NOT NULL,
        tracking_number text   NOT NULL,
        position        bigint NOT NULL
    ) WITH (fillfactor = 75)
    """,
    """
    CREATE TABLE readmodel.inventory_view (
        sku      text   PRIMARY KEY COLLATE "C",
        received bigint NOT NULL,
        reserved bigint NOT NULL,
        shipped  bigint NOT NULL,
        on_hand  bigint NOT NULL GENERATED ALWAYS AS (received - reserved - shipped) STORED,
        position bigint NOT NULL
    ) WITH (fillfactor = 50)
    """,
    """
    CREATE TABLE readmodel.product_view (
        sku      text   PRIMARY KEY COLLATE "C",
        name     text   NOT NULL,
        currency text   NOT NULL,
        price    bigint NOT NULL,
        position bigint NOT NULL
    )
    """,
)


def upgrade() -> None:
    op.execute("CREATE SCHEMA readmodel")
    for table in TABLES:
        op.execute(table)


def downgrade() -> None:
    op.execute(f"DROP TABLE {', '.join(DESTROYS)}")
    op.execute("DROP SCHEMA readmodel")
