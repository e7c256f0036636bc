"""The endpoints that receive webhooks, what waits for each, and the attempts to deliver."""

from __future__ import annotations

from alembic import op

from migrations.grants import writable_by
from settings import DatabaseRole

revision = "0029"
down_revision = "0028"

SENDER = "eventstore.webhook_sender"
ENDPOINT = "eventstore.webhook_endpoint"
SECRET = "eventstore.webhook_secret"  # noqa: S105 - the name of a table
DELIVERY = "eventstore.webhook_delivery"
ATTEMPT = "eventstore.webhook_attempt"

DESTROYS = (ENDPOINT, SECRET, DELIVERY, ATTEMPT, SENDER)

CREATE = (
    # One row for each process that sends. It renews the row each second, and others delete it when
    # the process is silent: its endpoints are then free.
    f"""
    CREATE TABLE {SENDER} (
        member  uuid        PRIMARY KEY,
        seen_at timestamptz NOT NULL
    ) WITH (fillfactor = 50)
    """,
    f"""
    CREATE TABLE {ENDPOINT} (
        id             uuid        PRIMARY KEY,
        number         bigint      GENERATED ALWAYS AS IDENTITY UNIQUE,
        url            text        NOT NULL,
        description    text        NOT NULL,
        patterns       text[]      NOT NULL,
        created_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
        created_by     text        NOT NULL,
        fingerprint    text        NOT NULL,
        revision       bigint      NOT NULL DEFAULT 1,
        sender         uuid        REFERENCES {SENDER} ON DELETE SET NULL,
        position       bigint      NOT NULL,
        event_id       uuid,
        failures       int         NOT NULL DEFAULT 0,
        failing_since  timestamptz,
        paused_until   timestamptz,
        disabled_at    timestamptz,
        disabled_cause text        CHECK (
            disabled_cause IN ('OPERATOR', 'GONE', 'FAILING', 'LOST')
        ),
        disabled_by    text,
        outcomes       jsonb       NOT NULL DEFAULT '{{}}',
        CHECK ((disabled_at IS NULL) = (disabled_cause IS NULL))
    ) WITH (fillfactor = 70)
    """,
    f"CREATE INDEX webhook_endpoint_sender_idx ON {ENDPOINT} (sender)",
    f"""
    CREATE TABLE {SECRET} (
        id            uuid        PRIMARY KEY,
        endpoint_id   uuid        NOT NULL REFERENCES {ENDPOINT},
        sealed        bytea       NOT NULL,
        master_key_id text        NOT NULL,
        created_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
        expires_at    timestamptz
    )
    """,
    f"CREATE INDEX webhook_secret_endpoint_idx ON {SECRET} (endpoint_id)",
    # What was read above the cursor and is not delivered yet. Position 0 is a test event.
    f"""
    CREATE TABLE {DELIVERY} (
        endpoint_id     uuid        NOT NULL REFERENCES {ENDPOINT},
        event_id        uuid        NOT NULL,
        stream_id       text        NOT NULL COLLATE "C",
        position        bigint      NOT NULL,
        event_type      text        NOT NULL,
        attempts        int         NOT NULL DEFAULT 0,
        created_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
        first_failed_at timestamptz,
        next_try_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
        PRIMARY KEY (endpoint_id, event_id)
    )
    """,
    f"CREATE INDEX webhook_delivery_stream_idx ON {DELIVERY} (endpoint_id, stream_id, position)",
    f"""
    CREATE TABLE {ATTEMPT} (
        endpoint_id uuid        NOT NULL REFERENCES {ENDPOINT},
        id          bigint      GENERATED ALWAYS AS IDENTITY,
        event_id    uuid        NOT NULL,
        event_type  text        NOT NULL,
        position    bigint      NOT NULL,
        at          timestamptz NOT NULL,
        duration    interval    NOT NULL,
        outcome     text        NOT NULL,
        status      int,
        PRIMARY KEY (endpoint_id, id)
    )
    """,
)


def upgrade() -> None:
    for statement in CREATE:
        op.execute(statement)
    for table in (ENDPOINT, SECRET, DELIVERY, ATTEMPT, SENDER):
        writable_by(table, DatabaseRole.APPEND, DatabaseRole.API)


def downgrade() -> None:
    op.execute(f"DROP TABLE {ATTEMPT}, {DELIVERY}, {SECRET}, {ENDPOINT}, {SENDER}")
