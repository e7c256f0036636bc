"""The event log."""

from __future__ import annotations

from alembic import op

from stored_format import STORED_FORMAT

revision = "0001"
down_revision = None

DESTROYS = ("eventstore.event",)


def upgrade() -> None:
    op.execute("CREATE SCHEMA eventstore")
    op.execute("CREATE TABLE eventstore.stored_format (format integer NOT NULL)")
    op.execute("CREATE UNIQUE INDEX one_stored_format ON eventstore.stored_format ((true))")
    op.execute(f"INSERT INTO eventstore.stored_format VALUES ({STORED_FORMAT})")  # noqa: S608
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


# One statement drops all functions, because they use each other. It never uses CASCADE: only the
# owner of a dependent object may drop it.
DROP_FUNCTIONS = """
    DO $$
    DECLARE
        found text;
    BEGIN
        SELECT string_agg(oid::regclass::text, ', ') INTO found FROM pg_class
        WHERE relnamespace = 'eventstore'::regnamespace AND relkind = 'v';
        IF found IS NOT NULL THEN
            EXECUTE 'DROP VIEW ' || found;
        END IF;
        SELECT string_agg(oid::regprocedure::text, ', ') INTO found FROM pg_proc
        WHERE pronamespace = 'eventstore'::regnamespace;
        IF found IS NOT NULL THEN
            EXECUTE 'DROP FUNCTION ' || found;
        END IF;
    END
    $$
"""


def downgrade() -> None:
    op.execute(DROP_FUNCTIONS)
    op.execute("DROP TABLE eventstore.stored_format")
    op.execute("DROP TABLE eventstore.event")
    op.execute("DROP SEQUENCE eventstore.event_position")
    op.execute("DROP SCHEMA eventstore")
