-- Append events to one or several streams, all or none.
--
-- p_names and p_expected describe the streams. The other arrays describe the events; p_stream is
-- the index of an event's stream in p_names. An expected version is a version, -1 for any version,
-- or -2 for "the stream exists". Versions count from 1, so 0 means "the stream does not exist".
--
-- Returns the version and position of each event. If a stream does not have its expected version,
-- nothing is written: positions is NULL, and versions holds the current version of each stream.
-- The caller then checks whether this append is a repeat, as after a violation of
-- event_event_id_key. So an append that succeeds does not pay for this check.
CREATE OR REPLACE FUNCTION eventstore.append(
    p_names text[],
    p_expected bigint[],
    p_stream int[],
    p_ids uuid[],
    p_types text[],
    p_schema_versions smallint[],
    p_data jsonb[],
    p_metadata jsonb[],
    OUT versions bigint[],
    OUT positions bigint[],
    OUT recorded_at timestamptz
)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    floor CONSTANT bigint := eventstore.drawn_position();
    current bigint[];
BEGIN
    -- Announce before any position is drawn: see safe_head.sql.
    PERFORM pg_advisory_xact_lock_shared(eventstore.announcement(floor));

    -- These locks admit one writer at a time to each stream. They are taken in the order of their
    -- keys, so that two appends cannot deadlock. Streams with the same key only wait longer.
    PERFORM pg_advisory_xact_lock(7002, key)
    FROM (SELECT DISTINCT hashtext(name) AS key FROM unnest(p_names) AS name ORDER BY key) AS keys;

    SELECT array_agg(coalesce((SELECT max(e.version) FROM eventstore.event e
                               WHERE e.stream_id = name), 0) ORDER BY ordinality)
    INTO current
    FROM unnest(p_names) WITH ORDINALITY AS stream (name, ordinality);

    IF EXISTS (SELECT FROM unnest(current, p_expected) AS stream (version, expected)
               WHERE expected >= 0 AND version <> expected OR expected = -2 AND version = 0) THEN
        versions := current;
        RETURN;
    END IF;

    recorded_at := clock_timestamp();
    WITH appended AS (
        INSERT INTO eventstore.event
            (stream_id, version, event_id, type, schema_version, data, metadata, recorded_at)
        SELECT p_names[stream],
               current[stream] + row_number() OVER (PARTITION BY stream ORDER BY ordinality),
               id, type, schema_version, data, metadata, recorded_at
        FROM unnest(p_stream, p_ids, p_types, p_schema_versions, p_data, p_metadata)
             WITH ORDINALITY
             AS new (stream, id, type, schema_version, data, metadata, ordinality)
        ORDER BY ordinality
        RETURNING version, position
    )
    SELECT array_agg(version ORDER BY position), array_agg(position ORDER BY position)
    INTO versions, positions
    FROM appended;

    IF positions[1] <= floor OR eventstore.positions_are_cached() THEN
        PERFORM eventstore.refuse_position(floor);
    END IF;
END
$$
