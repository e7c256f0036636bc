"""The copies that a rebuild makes, its progress, and the events that a projection cannot take."""

from __future__ import annotations

from alembic import op

from migrations.grants import readable_by, writable_by
from settings import DatabaseRole

revision = "0021"
down_revision = "0020"

DESTROYS = (
    "eventstore.projection",
    "eventstore.projection_rebuild",
    "eventstore.rebuild_range",
    "eventstore.parked_event",
)

WRITERS = (DatabaseRole.APPEND, DatabaseRole.PROJECTIONS)
COPIES = ("rebuild", "retired")

# A new row begins at 0, so that an upsert names only what it changes.
DEFAULTS = (
    """
    ALTER TABLE readmodel.inventory_view
        ALTER COLUMN received SET DEFAULT 0,
        ALTER COLUMN reserved SET DEFAULT 0,
        ALTER COLUMN shipped SET DEFAULT 0
    """,
    "ALTER TABLE readmodel.saga_recovery ALTER COLUMN times SET DEFAULT 0",
)

TABLES = (
    # One row for each projection that has been rebuilt, or whose follower has reported. The retired
    # copy shows the events up to retired_position, and those of retired_above.
    """
    CREATE TABLE eventstore.projection (
        name     text PRIMARY KEY COLLATE "C",
        version  int  NOT NULL,
        fault    text,
        built_at timestamptz,
        retired_version  int,
        retired_position bigint,
        retired_above    bigint[]
    )
    """,
    # The rebuild under way, or the last one. position: the copy holds the events up to there.
    """
    CREATE TABLE eventstore.projection_rebuild (
        name         text        PRIMARY KEY COLLATE "C",
        version      int         NOT NULL,
        state        text        NOT NULL COLLATE "C",
        requested_by text        NOT NULL,
        requested_at timestamptz NOT NULL,
        finished_at  timestamptz,
        events_per_second int,
        head         bigint      NOT NULL DEFAULT 0,
        position     bigint      NOT NULL DEFAULT 0,
        events       bigint      NOT NULL DEFAULT 0,
        events_in_all bigint     NOT NULL DEFAULT 0,
        fault        text
    )
    """,
    # The streams from first to last, of which those up to done are in the copy.
    """
    CREATE TABLE eventstore.rebuild_range (
        name  text NOT NULL COLLATE "C",
        first text NOT NULL COLLATE "C",
        last  text NOT NULL COLLATE "C",
        done  text NOT NULL COLLATE "C",
        PRIMARY KEY (name, first)
    )
    """,
    # The first event of a stream that a following projection cannot take, and the later ones.
    """
    CREATE TABLE eventstore.parked_event (
        projection text        NOT NULL COLLATE "C",
        position   bigint      NOT NULL,
        stream_id  text        NOT NULL COLLATE "C",
        cause      text,
        attempts   int         NOT NULL DEFAULT 0,
        parked_at  timestamptz NOT NULL DEFAULT now(),
        failed_at  timestamptz,
        redrive    boolean     NOT NULL DEFAULT false,
        PRIMARY KEY (projection, position)
    )
    """,
)
DROP_COPIES = """
    DO $$
    DECLARE
        name text;
    BEGIN
        FOR name IN SELECT oid::regclass FROM pg_class
                    WHERE relnamespace IN ('rebuild'::regnamespace, 'retired'::regnamespace)
                    AND relkind = 'r'
        LOOP
            EXECUTE format('DROP TABLE %s', name);
        END LOOP;
    END
    $$
"""


def upgrade() -> None:
    for statement in (*DEFAULTS, *TABLES):
        op.execute(statement)
    for name in DESTROYS:
        writable_by(name, *WRITERS)
        readable_by(name, DatabaseRole.API)
    # The API records that an administrator asks for a rebuild, and a worker makes it.
    op.execute(
        "GRANT INSERT, UPDATE ON eventstore.projection_rebuild, eventstore.parked_event"
        f" TO {DatabaseRole.API.group}"
    )
    owner, readers = DatabaseRole.PROJECTIONS.group, DatabaseRole.API.group
    for schema in COPIES:
        op.execute(f"CREATE SCHEMA {schema} AUTHORIZATION {owner}")
        op.execute(f"GRANT USAGE ON SCHEMA {schema} TO {readers}, {DatabaseRole.APPEND.group}")


def downgrade() -> None:
    op.execute(DROP_COPIES)
    op.execute(f"DROP SCHEMA {', '.join(COPIES)}")
    op.execute(f"DROP TABLE {', '.join(reversed(DESTROYS))}")
