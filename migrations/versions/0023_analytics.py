"""The analytics: figures by span of time, and what is known of each order to count it once."""

from __future__ import annotations

from alembic import op

from migrations.grants import is_read_model

revision = "0023"
down_revision = "0022"

# After the next upgrade the projection counts the whole log anew.
DESTROYS = ()

FIGURES = (
    *("placed", "placed_amount", "captured_amount", "refunds", "refunded_amount", "declines"),
    *("rejected", "stock_outs", "cancelled", "completed", "returns_requested", "returns_lapsed"),
    *("returned", "returned_whole", "reached_reserved", "reached_authorized"),
    *("reached_confirmed", "reached_shipped", "reached_delivered", "reached_completed"),
)
COLUMNS = ", ".join(f"{name} bigint NOT NULL DEFAULT 0" for name in FIGURES)

# span: 0 a quarter of an hour, 1 an hour, 2 a day, 3 a month.
TABLES = {
    "readmodel.analytics_total": f"""
        span smallint NOT NULL, start_at timestamptz NOT NULL, currency text NOT NULL COLLATE "C",
        {COLUMNS},
        PRIMARY KEY (span, start_at, currency)
    """,
    "readmodel.analytics_breakdown": """
        span smallint NOT NULL, kind text NOT NULL COLLATE "C", start_at timestamptz NOT NULL,
        currency text NOT NULL COLLATE "C", value text NOT NULL COLLATE "C",
        count bigint NOT NULL DEFAULT 0, amount bigint NOT NULL DEFAULT 0,
        PRIMARY KEY (span, kind, start_at, currency, value)
    """,
    "readmodel.analytics_duration": """
        span smallint NOT NULL, kind text NOT NULL COLLATE "C", start_at timestamptz NOT NULL,
        currency text NOT NULL COLLATE "C", bucket int NOT NULL, count bigint NOT NULL DEFAULT 0,
        PRIMARY KEY (span, kind, start_at, currency, bucket)
    """,
    "readmodel.analytics_order": """
        order_id text PRIMARY KEY COLLATE "C", currency text COLLATE "C", placed_at timestamptz,
        stage smallint NOT NULL DEFAULT 0, order_position bigint NOT NULL DEFAULT 0,
        payment_currency text COLLATE "C", payment_position bigint NOT NULL DEFAULT 0
    """,
    "readmodel.analytics_backorder": """
        order_id text NOT NULL COLLATE "C", sku text NOT NULL COLLATE "C",
        waits_since timestamptz, position bigint NOT NULL DEFAULT 0,
        PRIMARY KEY (order_id, sku)
    """,
    "readmodel.analytics_change": """
        id smallint PRIMARY KEY, position bigint NOT NULL DEFAULT 0
    """,
}


def upgrade() -> None:
    for name, columns in TABLES.items():
        op.execute(f"CREATE TABLE {name} ({columns})")
        is_read_model(name)


def downgrade() -> None:
    for name in reversed(TABLES):
        op.execute(f"DROP TABLE {name}")
    op.execute(
        """
        UPDATE eventstore.checkpoint SET position = 0, event_id = NULL
        WHERE name LIKE 'projection.analytics.%'
        """
    )
