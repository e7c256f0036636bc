"""Storage settings for reads of the log, and for the removal of erased keys."""

from __future__ import annotations

from alembic import op

revision = "0015"
down_revision = "0014"

DESTROYS = ()  # a snapshot is made anew from the log

# The pages that are still being filled are left out: an append that had to keep their entry up to
# date would write 170 bytes more. Autovacuum enters them once they are full.
LEAVE_THE_END_OUT = """
    SELECT brin_desummarize_range('eventstore.event_filter_brin', pages / 128 * 128)
    FROM (SELECT pg_relation_size('eventstore.event') / current_setting('block_size')::bigint)
         AS log (pages)
"""


def upgrade() -> None:
    op.execute(LEAVE_THE_END_OUT)
    # The event that a snapshot was taken after: after a restore the stream may hold another.
    op.execute("ALTER TABLE eventstore.snapshot ADD COLUMN event_id uuid")
    # Each erased key leaves a dead row: autovacuum takes it at its next round, not after fifty.
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
