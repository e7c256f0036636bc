"""The browsers that customers have subscribed to push messages."""

from __future__ import annotations

from alembic import op

from migrations.grants import writable_by
from settings import DatabaseRole

revision = "0030"
down_revision = "0029"

DESTROYS = ("eventstore.push_subscription",)

TABLE = "eventstore.push_subscription"

# The endpoint and the keys are sealed under the customer's key, and the rows go with that key, in
# the same transaction. PostgreSQL locks the key while a row is inserted, so no row is written for a
# key that is being erased. endpoint_digest is an HMAC: a browser has one subscription.
CREATE = f"""
    CREATE TABLE {TABLE} (
        id              uuid        PRIMARY KEY,
        customer_id     text        NOT NULL COLLATE "C",
        endpoint_digest text        NOT NULL COLLATE "C" UNIQUE,
        key_id          uuid        NOT NULL REFERENCES eventstore.subject_key ON DELETE CASCADE,
        sealed          bytea       NOT NULL,
        created_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
        paused_until    timestamptz
    ) WITH (autovacuum_vacuum_threshold = 0, autovacuum_vacuum_scale_factor = 0)
"""
INDEXES = (
    f"CREATE INDEX push_subscription_customer_idx ON {TABLE} (customer_id)",
    f"CREATE INDEX push_subscription_key_idx ON {TABLE} (key_id)",
    # A subscription that pauses postpones what waits for it.
    """
    CREATE INDEX notification_push_idx ON eventstore.notification (recipient)
    WHERE channel = 'push' AND due_at IS NOT NULL
    """,
)
# After a downgrade and an upgrade, the log is followed from its end.
BEGIN_AGAIN = "DELETE FROM eventstore.checkpoint WHERE name = 'notifications.push'"
# A customer may subscribe before the first order, and so needs a key before it.
GRANT = "GRANT INSERT ON eventstore.subject_key TO waybill_api"
REVOKE = "REVOKE INSERT ON eventstore.subject_key FROM waybill_api"


def upgrade() -> None:
    for statement in (BEGIN_AGAIN, CREATE, *INDEXES, GRANT):
        op.execute(statement)
    writable_by(TABLE, DatabaseRole.APPEND, DatabaseRole.API)


def downgrade() -> None:
    op.execute("DROP INDEX eventstore.notification_push_idx")
    op.execute(REVOKE)
    op.execute(f"DROP TABLE {TABLE}")
