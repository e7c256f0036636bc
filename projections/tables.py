"""The read models' tables, as queries and projections name them. Their DDL is in migrations/.

The defaults are those of a new row; they agree with the DDL.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Computed,
    DateTime,
    Integer,
    MetaData,
    Table,
    Text,
    Uuid,
)
from sqlalchemy.dialects.postgresql import JSONB

METADATA = MetaData(schema="readmodel")

order_view = Table(
    "order_view",
    METADATA,
    Column("order_id", Text, primary_key=True),
    Column("number", Text),
    Column("customer_id", Text),
    Column("status", Text),
    Column("reason", Text),
    Column("currency", Text),
    Column("total", BigInteger),
    Column("price", JSONB),
    Column("refunds", JSONB, default="[]"),
    Column("discount_code", Text),
    Column("lines", JSONB),
    Column("fingerprint", Text),
    Column("promises", JSONB),
    Column("reference", Text),
    Column("metadata", JSONB),
    Column("return_requested", Boolean, default=False),
    Column("placed_at", DateTime(timezone=True)),
    Column("updated_at", DateTime(timezone=True)),
    Column("placed_position", BigInteger),
    Column("position", BigInteger),
)

order_note = Table(
    "order_note",
    METADATA,
    Column("order_id", Text, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("customer_id", Text),
    Column("text", JSONB),
    Column("actor", Text),
    Column("added_at", DateTime(timezone=True)),
    Column("position", BigInteger),
)

order_refund = Table(
    "order_refund",
    METADATA,
    Column("order_id", Text, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("currency", Text),
    Column("amount", BigInteger),
    Column("price", JSONB),
    Column("lines", JSONB),
    Column("reason", Text),
    Column("key", Text),
    Column("requested_by", Text),
    Column("requested_at", DateTime(timezone=True)),
    Column("refunded", BigInteger),
    Column("ended_at", DateTime(timezone=True)),
    Column("position", BigInteger),
)

payment_view = Table(
    "payment_view",
    METADATA,
    Column("order_id", Text, primary_key=True),
    Column("status", Text),
    Column("attempt", Integer),
    Column("currency", Text),
    Column("amount", BigInteger),
    Column("captured", BigInteger, default=0),
    Column("refunded", BigInteger, default=0),
    Column("disputed", BigInteger, default=0),
    Column("dispute_won", BigInteger, default=0),
    Column("dispute_lost", BigInteger, default=0),
    Column("refunded_elsewhere", BigInteger, default=0),
    Column("reference", Text),
    Column("action_url", Text),
    Column("decline_code", Text),
    Column("position", BigInteger),
)

shipment_view = Table(
    "shipment_view",
    METADATA,
    Column("order_id", Text, primary_key=True),
    Column("status", Text),
    Column("shipment_id", Text),
    Column("tracking_number", Text),
    Column("carrier", Text),
    Column("tracking_url", Text),
    Column("position", BigInteger),
)

inventory_view = Table(
    "inventory_view",
    METADATA,
    Column("sku", Text, primary_key=True),
    Column("received", BigInteger, default=0),
    Column("adjusted", BigInteger, default=0),
    Column("reserved", BigInteger, default=0),
    Column("shipped", BigInteger, default=0),
    Column("on_hand", BigInteger, Computed("received + adjusted - shipped")),
    Column("available", BigInteger, Computed("received + adjusted - shipped - reserved")),
    Column("position", BigInteger),
)

backorder_view = Table(
    "backorder_view",
    METADATA,
    Column("order_id", Text, primary_key=True),
    Column("sku", Text, primary_key=True),
    Column("quantity", BigInteger),
    Column("position", BigInteger),
)

product_view = Table(
    "product_view",
    METADATA,
    Column("sku", Text, primary_key=True),
    Column("name", Text),
    Column("currency", Text),
    Column("price", BigInteger),
    Column("discontinued", Boolean, default=False),
    Column("position", BigInteger),
)

parked_step = Table(
    "parked_step",
    METADATA,
    Column("order_id", Text, primary_key=True),
    Column("step", Text, primary_key=True),
    Column("undoing", Boolean),
    Column("parking", Integer),
    Column("code", Text),
    Column("message", Text),
    Column("workflow_id", Text),
    Column("parked_at", DateTime(timezone=True)),
    Column("position", BigInteger),
)

saga_discrepancy = Table(
    "saga_discrepancy",
    METADATA,
    Column("order_id", Text, primary_key=True),
    Column("system", Text, primary_key=True),
    Column("ours", Text),
    Column("theirs", Text),
    Column("found_at", DateTime(timezone=True)),
    Column("position", BigInteger),
    Column("accepted_at", DateTime(timezone=True)),
    Column("accepted_by", Text),
    Column("accepted_reason", Text),
)

saga_recovery = Table(
    "saga_recovery",
    METADATA,
    Column("order_id", Text, primary_key=True),
    Column("times", Integer, default=0),
)


order_contact = Table(
    "order_contact",
    METADATA,
    Column("order_id", Text, primary_key=True),
    Column("key_id", Uuid),
    Column("email_digest", Text),
)
"""No projection of the registry has this table: see order_contacts.py."""
