"""The keys that encrypt personal data in the log."""

from __future__ import annotations

from alembic import op

revision = "0004"
down_revision = "0003"

DESTROYS = ("eventstore.subject_key",)


def upgrade() -> None:
    # A subject has at most one key: deleting its row erases the subject's data.
    op.execute(
        """
        CREATE TABLE eventstore.subject_key (
            key_id        uuid        PRIMARY KEY,
            subject       text        NOT NULL COLLATE "C" UNIQUE,
            wrapped       bytea       NOT NULL,
            master_key_id text        NOT NULL COLLATE "C",
            created_at    timestamptz NOT NULL
        )
        """
    )


def downgrade() -> None:
    op.execute("DROP TABLE eventstore.subject_key")
