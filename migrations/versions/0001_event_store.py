"""The event log."""

from __future__ import annotations

from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.execute("CREATE SCHEMA eventstore")
    # Position 0 is drawn here, so that last_value is always one that was drawn.
    op.execute("CREATE SEQUENCE eventstore.event_position MINVALUE 0 START 0 CACHE 1")
    op.execute("SELECT nextval('eventstore.event_position')")
    op.execute(
        """
        CREATE TABLE eventstore.event (
            position       bigint      NOT NULL DEFAULT nextval('eventstore.event_position'),
            stream_id      text        NOT NULL COLLATE "C",
            version        bigint      NOT NULL,
            event_id       uuid        NOT NULL,
            type           text        NOT NULL COLLATE "C",
            schema_version smallint    NOT NULL,
            data           jsonb       NOT NULL,
            metadata       jsonb       NOT NULL,
            recorded_at    timestamptz NOT NULL,
            CONSTRAINT event_pkey PRIMARY KEY (position),
            CONSTRAINT event_stream_version_key UNIQUE (stream_id, version),
            CONSTRAINT event_event_id_key UNIQUE (event_id)
        )
        """
    )


def downgrade() -> None:
    op.execute("DROP SCHEMA eventstore CASCADE")
