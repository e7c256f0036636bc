"""The tables of the analytics. They hold no personal data, and no id of a customer.

Amounts are in the minor unit of the row's currency. No query adds up two currencies.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Column, DateTime, Integer, SmallInteger, Table, Text

from projections.tables import METADATA

COUNTED: Final = (
    "placed",
    "placed_amount",
    "captured_amount",
    "refunds",
    "refunded_amount",
    "declines",
    "rejected",
    "stock_outs",
    "cancelled",
    "completed",
    "returns_requested",
    "returns_lapsed",
    "returned",
    "returned_whole",
)
"""What happened in the span."""

REACHED: Final = (
    "reached_reserved",
    "reached_authorized",
    "reached_confirmed",
    "reached_shipped",
    "reached_delivered",
    "reached_completed",
)
"""The orders placed in the span that have come this far since, each counted once a stage."""

FIGURES: Final = (*COUNTED, *REACHED)

analytics_total = Table(
    "analytics_total",
    METADATA,
    Column("span", SmallInteger, primary_key=True),
    Column("start_at", DateTime(timezone=True), primary_key=True),
    Column("currency", Text, primary_key=True),
    *(Column(name, BigInteger, default=0) for name in FIGURES),
)

analytics_breakdown = Table(
    "analytics_breakdown",
    METADATA,
    Column("span", SmallInteger, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("start_at", DateTime(timezone=True), primary_key=True),
    Column("currency", Text, primary_key=True),
    Column("value", Text, primary_key=True),
    Column("count", BigInteger, default=0),
    Column("amount", BigInteger, default=0),
)

analytics_duration = Table(
    "analytics_duration",
    METADATA,
    Column("span", SmallInteger, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("start_at", DateTime(timezone=True), primary_key=True),
    Column("currency", Text, primary_key=True),
    Column("bucket", Integer, primary_key=True),
    Column("count", BigInteger, default=0),
)

analytics_order = Table(
    "analytics_order",
    METADATA,
    Column("order_id", Text, primary_key=True),
    Column("currency", Text),
    Column("placed_at", DateTime(timezone=True)),
    Column("stage", SmallInteger, default=0),
    Column("order_position", BigInteger, default=0),
    Column("payment_currency", Text),
    Column("payment_position", BigInteger, default=0),
)

analytics_backorder = Table(
    "analytics_backorder",
    METADATA,
    Column("order_id", Text, primary_key=True),
    Column("sku", Text, primary_key=True),
    Column("waits_since", DateTime(timezone=True)),
    Column("position", BigInteger, default=0),
)

analytics_change = Table(
    "analytics_change",
    METADATA,
    Column("id", SmallInteger, primary_key=True),
    Column("position", BigInteger, default=0),
)
"""One row: the last event that changed the analytics."""
