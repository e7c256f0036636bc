"""An order's number, its promises, the shop's own facts about it, and the notes of staff."""

from __future__ import annotations

from alembic import op

from migrations.grants import is_read_model

revision = "0019"
down_revision = "0018"

DESTROYS = ("readmodel.order_note",)

CHANGES = (
    """
    ALTER TABLE readmodel.order_view
        ADD COLUMN number text COLLATE "C",
        ADD COLUMN promises jsonb,
        ADD COLUMN reference text COLLATE "C",
        ADD COLUMN metadata jsonb
    """,
    # activities/placing.py knows the index by its name.
    "CREATE UNIQUE INDEX order_view_number_key ON readmodel.order_view (number)",
    # Most orders have neither, and cost these indexes nothing.
    """
    CREATE INDEX order_view_reference_idx ON readmodel.order_view (reference, placed_position)
    WHERE reference IS NOT NULL
    """,
    """
    CREATE INDEX order_view_metadata_idx ON readmodel.order_view
    USING gin (metadata jsonb_path_ops) WHERE metadata IS NOT NULL
    """,
)

# The text is sealed with the customer's key.
NOTES = """
    CREATE TABLE readmodel.order_note (
        order_id    text        NOT NULL COLLATE "C",
        number      int         NOT NULL,
        customer_id text        NOT NULL COLLATE "C",
        text        jsonb       NOT NULL,
        actor       text,
        added_at    timestamptz NOT NULL,
        position    bigint      NOT NULL,
        PRIMARY KEY (order_id, number)
    )
"""


def upgrade() -> None:
    for change in CHANGES:
        op.execute(change)
    op.execute(NOTES)
    is_read_model("readmodel.order_note")


def downgrade() -> None:
    op.execute("DROP TABLE readmodel.order_note")
    op.execute(
        """
        ALTER TABLE readmodel.order_view
            DROP COLUMN metadata,
            DROP COLUMN reference,
            DROP COLUMN promises,
            DROP COLUMN number
        """
    )
