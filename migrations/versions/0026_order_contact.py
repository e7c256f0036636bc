"""Digests of e-mail addresses, by which staff find orders."""

from __future__ import annotations

from alembic import op

from migrations.grants import is_read_model

revision = "0026"
down_revision = "0024"

DESTROYS = ("readmodel.order_contact",)

TABLE = "readmodel.order_contact"

# Autovacuum removes deleted rows in its next round, as those of the keys: see migration 0015.
# The rows of a customer go with the customer's key, in the same transaction. PostgreSQL locks the
# key while a row is inserted, so no row is written for a key that is being erased.
CREATE = f"""
    CREATE TABLE {TABLE} (
        order_id     text PRIMARY KEY COLLATE "C",
        key_id       uuid NOT NULL REFERENCES eventstore.subject_key ON DELETE CASCADE,
        email_digest text NOT NULL COLLATE "C"
    ) WITH (autovacuum_vacuum_threshold = 0, autovacuum_vacuum_scale_factor = 0)
"""
INDEXES = (
    f"CREATE INDEX order_contact_email_idx ON {TABLE} (email_digest)",
    f"CREATE INDEX order_contact_key_idx ON {TABLE} (key_id)",
)
# After a downgrade and an upgrade, the table is filled from the start of the log.
BEGIN_AGAIN = "DELETE FROM eventstore.checkpoint WHERE name = 'projection.order-contacts'"


def upgrade() -> None:
    for statement in (BEGIN_AGAIN, CREATE, *INDEXES):
        op.execute(statement)
    is_read_model(TABLE)


def downgrade() -> None:
    op.execute(f"DROP TABLE {TABLE}")
