"""The facts that reconciliation stores about single orders."""

from __future__ import annotations

from alembic import op

revision = "0008"
down_revision = "0007"

DESTROYS = (
    "readmodel.saga_recovery",
    "journal.unchecked_order",
)

STATEMENTS = (
    """
    CREATE TABLE readmodel.saga_recovery (
        order_id text PRIMARY KEY COLLATE "C",
        times    int  NOT NULL
    )
    """,
    """
    INSERT INTO readmodel.saga_recovery
    SELECT data->>'order_id', count(*)
    FROM eventstore.event
    WHERE type = 'SagaRecovered'
    GROUP BY 1
    """,
    # A row exists until the order has been compared.
    """
    CREATE TABLE journal.unchecked_order (
        order_id  text        PRIMARY KEY COLLATE "C",
        code      text        NOT NULL,
        message   text        NOT NULL,
        failed_at timestamptz NOT NULL
    )
    """,
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    op.execute("DROP TABLE journal.unchecked_order")
    op.execute("DROP TABLE readmodel.saga_recovery")
