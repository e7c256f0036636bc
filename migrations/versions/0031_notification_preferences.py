"""What customers choose about their notifications, and what operators did with suppressions."""

from __future__ import annotations

from collections.abc import Sequence

from alembic import op

from migrations.grants import readable_by, writable_by
from settings import DatabaseRole

revision = "0031"
down_revision = "0030"

PREFERENCE = "eventstore.notification_preference"
ACTION = "eventstore.email_suppression_action"

DESTROYS = (PREFERENCE, ACTION)

EARLIER_STATES = (
    *("pending", "sending", "sent", "failed"),
    *("no_recipient", "erased", "suppressed", "outdated"),
)

TABLES = (
    # made_after: as in eventstore.subject_key, by which the replay of an erasure spares what a
    # customer who came back has chosen since. opted_out: such as {email:order_updates}.
    f"""
    CREATE TABLE {PREFERENCE} (
        customer_id text        PRIMARY KEY COLLATE "C",
        opted_out   text[]      NOT NULL,
        quiet_from  time,
        quiet_to    time,
        time_zone   text,
        made_after  bigint      NOT NULL,
        updated_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
        CHECK ((quiet_from IS NULL) = (quiet_to IS NULL)),
        CHECK (quiet_from <> quiet_to)
    )
    """,
    f"""
    CREATE TABLE {ACTION} (
        id           bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        email_digest text        NOT NULL COLLATE "C",
        action       text        NOT NULL COLLATE "C" CHECK (action IN ('suppressed', 'lifted')),
        actor        text        NOT NULL,
        reason       text        NOT NULL,
        at           timestamptz NOT NULL DEFAULT clock_timestamp()
    )
    """,
    f"CREATE INDEX email_suppression_action_digest_idx ON {ACTION} (email_digest, id)",
)
# not_before: the end of the quiet hours that a notification waited for.
ADD_COLUMN = "ALTER TABLE eventstore.notification ADD COLUMN not_before timestamptz"
DROP_COLUMN = "ALTER TABLE eventstore.notification DROP COLUMN not_before"
AS_SUPPRESSED = "UPDATE eventstore.notification SET state = 'suppressed' WHERE state = 'opted_out'"


def upgrade() -> None:
    for statement in (*TABLES, ADD_COLUMN):
        op.execute(statement)
    may_be_in((*EARLIER_STATES, "opted_out"))
    writable_by(PREFERENCE, DatabaseRole.APPEND, DatabaseRole.API)
    readable_by(ACTION, DatabaseRole.API)
    # An audit row is history. The API may run under the appending role.
    for role in (DatabaseRole.APPEND, DatabaseRole.API):
        op.execute(f"GRANT INSERT ON {ACTION} TO {role.group}")


def downgrade() -> None:
    op.execute(AS_SUPPRESSED)
    may_be_in(EARLIER_STATES)
    op.execute(DROP_COLUMN)
    op.execute(f"DROP TABLE {ACTION}, {PREFERENCE}")


def may_be_in(states: Sequence[str]) -> None:
    """Let a notification be in these states."""
    listed = ", ".join(f"'{state}'" for state in states)
    op.execute(f"""
        ALTER TABLE eventstore.notification
        DROP CONSTRAINT notification_state_check,
        ADD CONSTRAINT notification_state_check CHECK (state IN ({listed}))
    """)
