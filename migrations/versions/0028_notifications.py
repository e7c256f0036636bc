"""The notifications of final facts, and the addresses that get no mail."""

from __future__ import annotations

from alembic import op

from migrations.grants import readable_by, writable_by
from settings import DatabaseRole

revision = "0028"
down_revision = "0027"

DESTROYS = ("eventstore.notification", "eventstore.email_suppression")

TABLES = (
    # One row for each final fact, recipient and channel. The id is derived from the three. due_at:
    # when a sender takes it next, or, while one sends it, when another may take it; null when it
    # has ended. recipient names a customer by id and never by address.
    """
    CREATE TABLE eventstore.notification (
        id         uuid        PRIMARY KEY,
        event_id   uuid        NOT NULL,
        position   bigint      NOT NULL,
        recipient  text        NOT NULL COLLATE "C",
        channel    text        NOT NULL COLLATE "C",
        kind       text        NOT NULL COLLATE "C",
        order_id   text        NOT NULL COLLATE "C",
        state      text        NOT NULL COLLATE "C" CHECK (state IN (
            'pending', 'sending', 'sent', 'failed', 'no_recipient', 'erased', 'suppressed',
            'outdated'
        )),
        attempts   int         NOT NULL DEFAULT 0,
        cause      text,
        created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        due_at     timestamptz,
        ended_at   timestamptz,
        UNIQUE (event_id, recipient, channel),
        CHECK ((due_at IS NULL) = (ended_at IS NOT NULL))
    ) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02)
    """,
    # The HMAC of an address, as in readmodel.order_contact. It outlives its customer's key.
    """
    CREATE TABLE eventstore.email_suppression (
        email_digest text        PRIMARY KEY COLLATE "C",
        reason       text        NOT NULL COLLATE "C"
                     CHECK (reason IN ('unsubscribed', 'bounced', 'complained')),
        recorded_at  timestamptz NOT NULL DEFAULT clock_timestamp()
    )
    """,
)
INDEXES = (
    """
    CREATE INDEX notification_due_idx ON eventstore.notification (channel, due_at, position)
    WHERE due_at IS NOT NULL
    """,
    """
    CREATE INDEX notification_ended_idx ON eventstore.notification (ended_at)
    WHERE ended_at IS NOT NULL
    """,
    "CREATE INDEX notification_order_idx ON eventstore.notification (order_id)",
    # Several events of an order say these, and a customer hears of them once.
    """
    CREATE UNIQUE INDEX notification_once_idx
    ON eventstore.notification (order_id, kind, recipient, channel)
    WHERE kind IN ('waiting_for_stock', 'refund_failed')
    """,
)
# After a downgrade and an upgrade, the log is followed from its end.
BEGIN_AGAIN = "DELETE FROM eventstore.checkpoint WHERE name = 'notifications.email'"


def upgrade() -> None:
    for statement in (BEGIN_AGAIN, *TABLES, *INDEXES):
        op.execute(statement)
    writable_by("eventstore.notification", DatabaseRole.APPEND)
    readable_by("eventstore.notification", DatabaseRole.API)
    writable_by("eventstore.email_suppression", DatabaseRole.APPEND, DatabaseRole.API)


def downgrade() -> None:
    for table in DESTROYS:
        op.execute(f"DROP TABLE {table}")
