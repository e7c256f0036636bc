"""The notices to operators, and the messages that say them."""

from __future__ import annotations

from alembic import op

from migrations.grants import readable_by, writable_by
from settings import DatabaseRole

revision = "0032"
down_revision = "0031"

NOTICE = "eventstore.operator_notice"
MESSAGE = "eventstore.operator_message"
NOTICE_MESSAGE = "eventstore.operator_notice_message"

DESTROYS = (NOTICE, MESSAGE, NOTICE_MESSAGE)

CREATE = (
    # One row for each opening of a cause, such as `saga:<order id>:<step>`. waiting_since: from
    # when it waits for an acknowledgement. No column holds personal data.
    f"""
    CREATE TABLE {NOTICE} (
        id              bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        key             text        NOT NULL COLLATE "C",
        kind            text        NOT NULL COLLATE "C" CHECK (kind IN (
            'parked_saga', 'discrepancy', 'dead_letters', 'stopped_projection', 'parked_streams'
        )),
        subject         text        NOT NULL COLLATE "C",
        order_number    text        COLLATE "C",
        detail          text        NOT NULL,
        since           timestamptz NOT NULL,
        opened_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
        waiting_since   timestamptz NOT NULL DEFAULT clock_timestamp(),
        closed_at       timestamptz,
        acknowledged_at timestamptz,
        acknowledged_by text,
        note            text,
        CHECK ((acknowledged_at IS NULL) = (acknowledged_by IS NULL))
    ) WITH (fillfactor = 80)
    """,
    # A cause has one open notice.
    f"CREATE UNIQUE INDEX operator_notice_open_idx ON {NOTICE} (key) WHERE closed_at IS NULL",
    f"CREATE INDEX operator_notice_open_id_idx ON {NOTICE} (id) WHERE closed_at IS NULL",
    f"""
    CREATE INDEX operator_notice_closed_idx ON {NOTICE} (key, closed_at)
    WHERE closed_at IS NOT NULL
    """,
    # target: the channel, with a digest of the address where there may be several. due_at: when it
    # is sent next, or, while it is being sent, when another attempt may begin.
    f"""
    CREATE TABLE {MESSAGE} (
        id         uuid        PRIMARY KEY,
        target     text        NOT NULL COLLATE "C",
        digest     text        NOT NULL,
        state      text        NOT NULL COLLATE "C" DEFAULT 'pending'
                   CHECK (state IN ('pending', 'sending', 'sent', 'failed')),
        attempts   int         NOT NULL DEFAULT 0,
        cause      text,
        created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        due_at     timestamptz DEFAULT clock_timestamp(),
        ended_at   timestamptz,
        CHECK ((due_at IS NULL) = (ended_at IS NOT NULL))
    ) WITH (fillfactor = 50)
    """,
    # A target has one message at a time: later notices wait for the next one.
    f"CREATE UNIQUE INDEX operator_message_one_idx ON {MESSAGE} (target) WHERE ended_at IS NULL",
    f"CREATE INDEX operator_message_ended_idx ON {MESSAGE} (target, ended_at)",
    # What was said to whom. The row is written before the message is sent, and says it once.
    f"""
    CREATE TABLE {NOTICE_MESSAGE} (
        notice_id  bigint      NOT NULL REFERENCES {NOTICE} ON DELETE CASCADE,
        target     text        NOT NULL COLLATE "C",
        occasion   text        NOT NULL COLLATE "C" CHECK (occasion IN ('opened', 'reminder')),
        message_id uuid        NOT NULL,
        said_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
        PRIMARY KEY (notice_id, target, occasion)
    )
    """,
)


def upgrade() -> None:
    for statement in CREATE:
        op.execute(statement)
    for table in DESTROYS:
        writable_by(table, DatabaseRole.APPEND)
        readable_by(table, DatabaseRole.API)
    # An operator acknowledges by way of the API.
    acknowledgement = "acknowledged_at, acknowledged_by, note"
    op.execute(f"GRANT UPDATE ({acknowledgement}) ON {NOTICE} TO {DatabaseRole.API.group}")


def downgrade() -> None:
    op.execute(f"DROP TABLE {NOTICE_MESSAGE}, {MESSAGE}, {NOTICE}")
