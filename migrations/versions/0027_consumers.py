"""What each consumer group has handled, what it could not handle, and who consumes for it."""

from __future__ import annotations

from alembic import op

from migrations.grants import readable_by, writable_by
from settings import DatabaseRole

revision = "0027"
down_revision = "0026"

# Without its consumed ids a group would make effects again, and an audit line is history.
DESTROYS = (
    "eventstore.consumed_event",
    "eventstore.dead_letter",
    "eventstore.dead_letter_action",
)
LEASES = ("eventstore.consumer_member", "eventstore.consumer_lease")

TABLES = (
    # The inbox of each group: a row is written in the transaction of the event's effect.
    """
    CREATE TABLE eventstore.consumed_event (
        group_name  text        NOT NULL COLLATE "C",
        event_id    uuid        NOT NULL,
        consumed_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (group_name, event_id)
    )
    """,
    # The messages of a key are in the order of their ids. first_failed_at is NULL for a message
    # that has not been tried, since it waits behind another one of its key.
    """
    CREATE TABLE eventstore.dead_letter (
        id              bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        group_name      text        NOT NULL COLLATE "C",
        key             text        NOT NULL COLLATE "C",
        message_id      uuid        NOT NULL,
        event_type      text        COLLATE "C",
        origin          text        NOT NULL,
        headers         jsonb       NOT NULL,
        body            bytea       NOT NULL,
        state           text        NOT NULL COLLATE "C"
                        CHECK (state IN ('retrying', 'dead', 'waiting')),
        attempts        int         NOT NULL,
        cause           text,
        stored_at       timestamptz NOT NULL DEFAULT now(),
        first_failed_at timestamptz,
        last_failed_at  timestamptz,
        next_try_at     timestamptz,
        UNIQUE (group_name, message_id)
    )
    """,
    # What operators did, for each letter, which is gone after a discard or a success.
    """
    CREATE TABLE eventstore.dead_letter_action (
        id         bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        letter_id  bigint      NOT NULL,
        group_name text        NOT NULL COLLATE "C",
        key        text        NOT NULL COLLATE "C",
        message_id uuid        NOT NULL,
        action     text        NOT NULL COLLATE "C" CHECK (action IN ('redriven', 'discarded')),
        actor      text        NOT NULL,
        reason     text,
        at         timestamptz NOT NULL DEFAULT now()
    )
    """,
    # The processes that consume for a group, and the partitions that each of them holds.
    """
    CREATE TABLE eventstore.consumer_member (
        group_name text        NOT NULL COLLATE "C",
        member     uuid        NOT NULL,
        seen_at    timestamptz NOT NULL,
        PRIMARY KEY (group_name, member)
    ) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000)
    """,
    """
    CREATE TABLE eventstore.consumer_lease (
        group_name text        NOT NULL COLLATE "C",
        partition  int         NOT NULL,
        member     uuid        NOT NULL,
        expires_at timestamptz NOT NULL,
        PRIMARY KEY (group_name, partition)
    ) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000)
    """,
)
INDEXES = (
    # Rows are written in the order of time, and pruned by it.
    """
    CREATE INDEX consumed_event_time_idx ON eventstore.consumed_event USING brin (consumed_at)
    WITH (autosummarize = on)
    """,
    "CREATE INDEX dead_letter_key_idx ON eventstore.dead_letter (group_name, key, id)",
    """
    CREATE INDEX dead_letter_due_idx ON eventstore.dead_letter (group_name, next_try_at)
    WHERE state = 'retrying'
    """,
    # Operators list the letters of a group, of a state or of both, by id. The figures count by the
    # last index alone.
    "CREATE INDEX dead_letter_group_idx ON eventstore.dead_letter (group_name, id)",
    "CREATE INDEX dead_letter_state_idx ON eventstore.dead_letter (state, id)",
    """
    CREATE INDEX dead_letter_list_idx ON eventstore.dead_letter (group_name, state, id)
    INCLUDE (first_failed_at)
    """,
    "CREATE INDEX dead_letter_action_letter_idx ON eventstore.dead_letter_action (letter_id)",
)


def upgrade() -> None:
    for statement in (*TABLES, *INDEXES):
        op.execute(statement)
    for table in (*DESTROYS, *LEASES):
        writable_by(table, DatabaseRole.APPEND)
    for table in ("eventstore.dead_letter", "eventstore.dead_letter_action"):
        readable_by(table, DatabaseRole.API)
    # An operator redrives and discards letters by way of the API.
    api = DatabaseRole.API.group
    op.execute(f"GRANT UPDATE, DELETE ON eventstore.dead_letter TO {api}")
    op.execute(f"GRANT INSERT ON eventstore.dead_letter_action TO {api}")


def downgrade() -> None:
    op.execute(f"DROP TABLE {', '.join((*DESTROYS, *LEASES))}")
