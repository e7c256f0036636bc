"""The roles that append, serve the API and rebuild read models, and their rights.

They are groups: the logins of the processes are members of them. Roles belong to the server, which
may have many databases. So an existing role is used, and a downgrade keeps it.
"""

from __future__ import annotations

from alembic import op

revision = "0010"
down_revision = "0009"

DESTROYS = ()

APPEND, API, PROJECTIONS = "waybill_append", "waybill_api", "waybill_projections"
ALL = f"{APPEND}, {API}, {PROJECTIONS}"

# The migrating role is a member of waybill_projections, to alter the tables of schema readmodel.
CREATE_ROLES = f"""
    DO $$
    DECLARE
        role text;
        missing text[] := '{{}}';
    BEGIN
        FOREACH role IN ARRAY ARRAY['{APPEND}', '{API}', '{PROJECTIONS}'] LOOP
            IF to_regrole(role) IS NULL THEN
                BEGIN
                    EXECUTE format('CREATE ROLE %I NOLOGIN', role);
                EXCEPTION
                    WHEN duplicate_object OR unique_violation THEN
                        NULL;  -- another database of this server is being migrated too
                    WHEN insufficient_privilege THEN
                        missing := missing || format('CREATE ROLE %I NOLOGIN', role);
                END;
            END IF;
        END LOOP;
        IF to_regrole('{PROJECTIONS}') IS NULL
            OR NOT pg_has_role('{PROJECTIONS}', 'USAGE')
            OR NOT pg_has_role('{PROJECTIONS}', 'SET')
        THEN
            BEGIN
                EXECUTE format('GRANT {PROJECTIONS} TO %I', current_user);
            EXCEPTION
                WHEN insufficient_privilege OR undefined_object THEN
                    missing := missing || format('GRANT {PROJECTIONS} TO %I', current_user);
            END;
        END IF;
        IF missing <> '{{}}' THEN
            RAISE insufficient_privilege USING MESSAGE = format(
                'the role %s may not create or grant roles (it lacks CREATEROLE): have a superuser '
                'run the following, then migrate again: %s; '
                'GRANT pg_read_all_stats TO {APPEND}, {API};',
                current_user, array_to_string(missing, '; '));
        END IF;
    END
    $$
"""

# The age of the safe head is less exact without it, so a refusal is not an error.
READ_ALL_STATS = f"""
    DO $$
    BEGIN
        IF NOT (pg_has_role('{APPEND}', 'pg_read_all_stats', 'MEMBER')
                AND pg_has_role('{API}', 'pg_read_all_stats', 'MEMBER')) THEN
            GRANT pg_read_all_stats TO {APPEND}, {API};
        END IF;
    EXCEPTION
        WHEN insufficient_privilege THEN
            RAISE NOTICE 'the age of the safe head is exact only after a superuser has run: %',
                'GRANT pg_read_all_stats TO {APPEND}, {API};';
        WHEN unique_violation THEN
            NULL;  -- granted by the migration of another database
    END
    $$
"""

READ_MODELS_TO = """
    DO $$
    DECLARE
        name text;
    BEGIN
        FOR name IN SELECT oid::regclass FROM pg_class
                    WHERE relnamespace = 'readmodel'::regnamespace AND relkind = 'r'
        LOOP
            EXECUTE format('ALTER TABLE %s OWNER TO {owner}', name);
        END LOOP;
    END
    $$
"""

EVENT_COLUMNS = "stream_id, version, event_id, type, schema_version, data, metadata, recorded_at"
EVERY_ROW = "SELECT, INSERT, UPDATE, DELETE"

GRANTS = (
    f"GRANT USAGE ON SCHEMA eventstore TO {ALL}",
    f"GRANT USAGE ON SCHEMA readmodel, journal TO {APPEND}, {API}",
    # Only the owner may change events. A position is drawn and never chosen, so it is not among
    # the columns. The safe head is read from the sequence.
    f"GRANT SELECT ON eventstore.event, eventstore.event_position TO {ALL}",
    f"GRANT SELECT ON eventstore.stored_format TO {ALL}",
    f"GRANT INSERT ({EVENT_COLUMNS}) ON eventstore.event TO {APPEND}",
    f"GRANT USAGE ON SEQUENCE eventstore.event_position TO {APPEND}",
    f"GRANT SELECT, INSERT, UPDATE ON eventstore.checkpoint TO {APPEND}, {PROJECTIONS}",
    f"GRANT SELECT ON eventstore.checkpoint TO {API}",
    f"GRANT {EVERY_ROW} ON eventstore.snapshot, eventstore.subject_key TO {APPEND}",
    f"GRANT {EVERY_ROW} ON ALL TABLES IN SCHEMA readmodel, journal TO {APPEND}",
    f"GRANT SELECT ON ALL TABLES IN SCHEMA readmodel, journal TO {API}",
    f"GRANT {EVERY_ROW} ON journal.webhook, journal.heartbeat TO {API}",
    f"GRANT SELECT ON alembic_version TO {ALL}",
)

# Default rights of later tables; migrations/grants.py says who may write them.
DEFAULTS = (
    f"IN SCHEMA eventstore GRANT SELECT ON TABLES TO {APPEND}",
    f"IN SCHEMA journal GRANT SELECT ON TABLES TO {APPEND}, {API}",
    f"IN SCHEMA readmodel GRANT {EVERY_ROW} ON TABLES TO {APPEND}",
    f"IN SCHEMA readmodel GRANT SELECT ON TABLES TO {API}",
    # Default rights of tables that the projections' role creates.
    f"FOR ROLE {PROJECTIONS} IN SCHEMA readmodel GRANT {EVERY_ROW} ON TABLES TO {APPEND}",
    f"FOR ROLE {PROJECTIONS} IN SCHEMA readmodel GRANT SELECT ON TABLES TO {API}",
)

# The next upgrade grants the functions again, because it finds these grants missing.
REVOKES = (
    f"REVOKE ALL ON alembic_version FROM {ALL}",
    f"REVOKE ALL ON ALL TABLES IN SCHEMA eventstore, readmodel, journal FROM {ALL}",
    f"REVOKE ALL ON ALL SEQUENCES IN SCHEMA eventstore FROM {ALL}",
    f"REVOKE ALL ON ALL FUNCTIONS IN SCHEMA eventstore FROM {ALL}",
    f"REVOKE ALL ON SCHEMA eventstore, readmodel, journal FROM {ALL}",
)


def upgrade() -> None:
    op.execute(CREATE_ROLES)
    op.execute(READ_ALL_STATS)
    op.execute(f"ALTER SCHEMA readmodel OWNER TO {PROJECTIONS}")
    op.execute(READ_MODELS_TO.format(owner=PROJECTIONS))
    for grant in GRANTS:
        op.execute(grant)
    for default in DEFAULTS:
        op.execute(f"ALTER DEFAULT PRIVILEGES {default}")


def downgrade() -> None:
    for default in DEFAULTS:
        taken = default.replace("GRANT", "REVOKE").replace(" TO ", " FROM ")
        op.execute(f"ALTER DEFAULT PRIVILEGES {taken}")
    op.execute(READ_MODELS_TO.format(owner="CURRENT_USER"))
    op.execute("ALTER SCHEMA readmodel OWNER TO CURRENT_USER")
    for revoke in REVOKES:
        op.execute(revoke)
