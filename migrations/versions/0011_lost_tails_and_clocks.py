"""A checkpoint stores its event, and a key its position, so that neither depends on a clock."""

from __future__ import annotations

from alembic import op

revision = "0011"
down_revision = "0010"

DESTROYS = ()

UPGRADES = (
    "ALTER TABLE eventstore.subject_key ADD COLUMN made_after bigint",
    # The position after every erasure so far, and before every one to come.
    """
    UPDATE eventstore.subject_key
    SET made_after = pg_sequence_last_value('eventstore.event_position'::regclass)
    """,
    """
    ALTER TABLE eventstore.subject_key
        ALTER COLUMN made_after SET NOT NULL,
        DROP COLUMN created_at
    """,
    # The id of the newest event at or below the position: eventstore/sql/is_lost.sql.
    "ALTER TABLE eventstore.checkpoint ADD COLUMN event_id uuid",
    # `python -m eventstore.checkpoints set-right` deletes a checkpoint.
    "GRANT DELETE ON eventstore.checkpoint TO waybill_append",
)


def upgrade() -> None:
    for statement in UPGRADES:
        op.execute(statement)


def downgrade() -> None:
    op.execute(
        """
        ALTER TABLE eventstore.subject_key
            ADD COLUMN created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
            DROP COLUMN made_after
        """
    )
    op.execute("ALTER TABLE eventstore.checkpoint DROP COLUMN event_id")
    op.execute("ALTER TABLE eventstore.subject_key ALTER COLUMN created_at DROP DEFAULT")
