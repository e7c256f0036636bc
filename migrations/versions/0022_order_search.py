"""Indexes for the searches of orders: see docs/decisions/0023-order-search.md."""

from __future__ import annotations

from alembic import op

from migrations.indexes import create_index_concurrently

revision = "0022"
down_revision = "0021"

DESTROYS = ()

ORDERS = "readmodel.order_view"
PAYMENTS = "readmodel.payment_view"
SHIPMENTS = "readmodel.shipment_view"

# An index on every order has only columns that keep their first value. The update of an indexed
# column would write every index of the table.
INDEXES = {
    "order_view_placed_idx": (ORDERS, "(placed_at, placed_position)"),
    "order_view_customer_idx": (ORDERS, "(customer_id, placed_at, placed_position)"),
    "order_view_total_idx": (ORDERS, "(currency, total, placed_position)"),
    "order_view_skus_idx": (
        ORDERS,
        "USING gin (jsonb_path_query_array(lines, '$[*].sku') jsonb_path_ops)",
    ),
    # Few orders are in these indexes, or few orders at a time.
    "order_view_reference_placed_idx": (
        ORDERS,
        "(reference, placed_at, placed_position) WHERE reference IS NOT NULL",
    ),
    "order_view_reason_idx": (
        ORDERS,
        "(reason, placed_at, placed_position) WHERE reason IS NOT NULL",
    ),
    "order_view_return_idx": (ORDERS, "(placed_at, placed_position) WHERE return_requested"),
    "payment_view_reference_idx": (PAYMENTS, "(reference) WHERE reference IS NOT NULL"),
    "payment_view_waiting_idx": (
        PAYMENTS,
        "(status, order_id) WHERE status IN ('PENDING', 'DECLINED', 'AUTHORIZED')",
    ),
    "shipment_view_tracking_idx": (
        SHIPMENTS,
        "(tracking_number) WHERE tracking_number IS NOT NULL",
    ),
    "shipment_view_dispatched_idx": (SHIPMENTS, "(order_id) WHERE status = 'DISPATCHED'"),
}
REPLACED = {
    "order_view_customer_id_placed_position_idx": (ORDERS, "(customer_id, placed_position)"),
    "order_view_reference_idx": (
        ORDERS,
        "(reference, placed_position) WHERE reference IS NOT NULL",
    ),
}


def upgrade() -> None:
    for name, (table, definition) in INDEXES.items():
        create_index_concurrently(name, table, definition)
    for name in REPLACED:
        op.execute(f"DROP INDEX IF EXISTS readmodel.{name}")


def downgrade() -> None:
    for name, (table, definition) in REPLACED.items():
        op.execute(f"CREATE INDEX {name} ON {table} {definition}")
    for name in INDEXES:
        op.execute(f"DROP INDEX readmodel.{name}")
