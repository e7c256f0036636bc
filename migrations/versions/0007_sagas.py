"""The interventions that sagas wait for, and records beside the log that are not part of it."""

from __future__ import annotations

from alembic import op

revision = "0007"
down_revision = "0006"

DESTROYS = (
    "readmodel.parked_step",
    "readmodel.saga_discrepancy",
    "journal.failed_attempts",
    "journal.webhook",
)

TABLES = (
    # A row exists while it needs an operator, so both tables are small.
    """
    CREATE TABLE readmodel.parked_step (
        order_id    text        NOT NULL COLLATE "C",
        step        text        NOT NULL COLLATE "C",
        undoing     boolean     NOT NULL,
        parking     int         NOT NULL,
        code        text        NOT NULL,
        message     text        NOT NULL,
        workflow_id text        NOT NULL,
        parked_at   timestamptz NOT NULL,
        position    bigint      NOT NULL,
        PRIMARY KEY (order_id, step)
    )
    """,
    """
    CREATE TABLE readmodel.saga_discrepancy (
        order_id text        NOT NULL COLLATE "C",
        system     text        NOT NULL COLLATE "C",
        ours     text        NOT NULL,
        theirs   text        NOT NULL,
        found_at timestamptz NOT NULL,
        position bigint      NOT NULL,
        PRIMARY KEY (order_id, system)
    )
    """,
    "CREATE SCHEMA journal",
    """
    CREATE TABLE journal.failed_attempts (
        order_id  text        NOT NULL COLLATE "C",
        step      text        NOT NULL COLLATE "C",
        count     int         NOT NULL,
        code      text        NOT NULL,
        message   text        NOT NULL,
        failed_at timestamptz NOT NULL,
        PRIMARY KEY (order_id, step)
    )
    """,
    # The content of a webhook is never stored: it may contain personal data.
    """
    CREATE TABLE journal.webhook (
        provider      text        NOT NULL COLLATE "C",
        event_id      text        NOT NULL COLLATE "C",
        type          text        NOT NULL,
        order_id      text        NOT NULL COLLATE "C",
        received_at   timestamptz NOT NULL,
        claimed_until timestamptz NOT NULL,
        handled_at    timestamptz,
        PRIMARY KEY (provider, event_id)
    )
    """,
    "CREATE INDEX ON journal.webhook (received_at)",
)


def upgrade() -> None:
    for table in TABLES:
        op.execute(table)


def downgrade() -> None:
    op.execute(f"DROP TABLE {', '.join(DESTROYS)}")
    op.execute("DROP SCHEMA journal")
