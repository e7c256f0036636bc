"""Let the API read the keys that open contacts and addresses."""

from __future__ import annotations

from alembic import op

from migrations.grants import readable_by
from settings import DatabaseRole

revision = "0018"
down_revision = "0017"

DESTROYS = ()


def upgrade() -> None:
    readable_by("eventstore.subject_key", DatabaseRole.API)


def downgrade() -> None:
    op.execute("REVOKE SELECT ON eventstore.subject_key FROM waybill_api")
