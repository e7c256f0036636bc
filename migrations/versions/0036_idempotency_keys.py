"""The idempotency keys that requests have used, with the position of their effect.

An id is derived from the person, the operation and the key. A row holds no personal data.
"""

from __future__ import annotations

from alembic import op

from migrations.grants import writable_by
from settings import DatabaseRole

revision = "0036"
down_revision = "0035"

KEY = "journal.idempotency_key"
DESTROYS = (KEY,)

CREATE = f"""
    CREATE TABLE {KEY} (
        id          uuid        NOT NULL PRIMARY KEY,
        fingerprint text        NOT NULL,
        call        uuid        NOT NULL,
        position    bigint      NOT NULL,
        recorded_at timestamptz NOT NULL
    )
"""


def upgrade() -> None:
    op.execute(CREATE)
    op.execute(f"CREATE INDEX ON {KEY} (recorded_at)")
    writable_by(KEY, DatabaseRole.APPEND, DatabaseRole.API)


def downgrade() -> None:
    op.execute(f"DROP TABLE {KEY}")
