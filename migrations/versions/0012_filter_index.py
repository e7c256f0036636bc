"""An index for reads of some event types, created while appends continue."""

from __future__ import annotations

from alembic import op

from migrations.indexes import create_index_concurrently

revision = "0012"
down_revision = "0011"

DESTROYS = ()

# For each 128 pages it holds the first and last position, and which types are not in them.
DEFINITION = """
    USING brin (
        position int8_minmax_ops,
        type text_bloom_ops (n_distinct_per_range = 64)
    ) WITH (autosummarize = on)
"""


def upgrade() -> None:
    create_index_concurrently("event_filter_brin", "eventstore.event", DEFINITION)


def downgrade() -> None:
    op.execute("DROP INDEX eventstore.event_filter_brin")
