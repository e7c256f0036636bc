"""Storage settings for reads of the log, and for the removal of erased keys."""

from __future__ import annotations

from alembic import op

revision = "0015"
down_revision = "0014"

DESTROYS = ()  # snapshots are rebuilt from the log

# The index leaves out the pages that are still being filled, because an append that updated their
# entry would write 170 bytes more. Autovacuum adds them after they are full.
LEAVE_THE_END_OUT = """
    SELECT brin_desummarize_range('eventstore.event_filter_brin', pages / 128 * 128)
    FROM (SELECT pg_relation_size('eventstore.event') / current_setting('block_size')::bigint)
         AS log (pages)
"""


def upgrade() -> None:
    op.execute(LEAVE_THE_END_OUT)
    # The last event in the snapshot. After a restore, the stream may hold another event there.
    op.execute("ALTER TABLE eventstore.snapshot ADD COLUMN event_id uuid")
    # Autovacuum removes the dead row of an erased key in its next round, not after 50 dead rows.
    op.execute(
        """
        ALTER TABLE eventstore.subject_key
        SET (autovacuum_vacuum_threshold = 0, autovacuum_vacuum_scale_factor = 0)
        """
    )


def downgrade() -> None:
    op.execute(
        """
        ALTER TABLE eventstore.subject_key
        RESET (autovacuum_vacuum_threshold, autovacuum_vacuum_scale_factor)
        """
    )
    op.execute("ALTER TABLE eventstore.snapshot DROP COLUMN event_id")
