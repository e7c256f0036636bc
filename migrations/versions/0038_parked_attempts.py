"""The failed attempts of a parked step, which the log does not hold."""

from __future__ import annotations

from alembic import op

from migrations.grants import writable_by
from settings import DatabaseRole

revision = "0038"
down_revision = "0037"

DESTROYS = ("journal.parked_attempt",)


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE journal.parked_attempt (
            order_id  text        NOT NULL COLLATE "C",
            step      text        NOT NULL COLLATE "C",
            parking   int         NOT NULL,
            count     int         NOT NULL,
            code      text        NOT NULL,
            message   text        NOT NULL,
            failed_at timestamptz NOT NULL,
            retry_at  timestamptz,
            PRIMARY KEY (order_id, step)
        )
        """
    )
    writable_by("journal.parked_attempt", DatabaseRole.APPEND)


def downgrade() -> None:
    op.execute("DROP TABLE journal.parked_attempt")
