-- Append one event to one stream, by far the most frequent case. The rules of append() apply, but
-- without arrays it costs half. On a conflict, position is NULL and version is the stream's.
CREATE OR REPLACE FUNCTION eventstore.append_event(
    p_stream text,
    p_expected bigint,
    p_id uuid,
    p_type text,
    p_schema_version smallint,
    p_data jsonb,
    p_metadata jsonb,
    OUT version bigint,
    OUT "position" bigint,
    OUT recorded_at timestamptz
)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    floor CONSTANT bigint := eventstore.drawn_position();
    current bigint;
BEGIN
    PERFORM pg_advisory_xact_lock_shared(eventstore.announcement(floor)),
            pg_advisory_xact_lock(7002, hashtext(p_stream));

    SELECT coalesce(max(e.version), 0) INTO current
    FROM eventstore.event e
    WHERE e.stream_id = p_stream;

    IF p_expected >= 0 AND current <> p_expected OR p_expected = -2 AND current = 0 THEN
        version := current;
        RETURN;
    END IF;

    INSERT INTO eventstore.event AS e
        (stream_id, version, event_id, type, schema_version, data, metadata, recorded_at)
    VALUES (p_stream, current + 1, p_id, p_type, p_schema_version, p_data, p_metadata,
            clock_timestamp())
    RETURNING e.version, e.position, e.recorded_at INTO version, position, recorded_at;

    IF position <= floor OR eventstore.positions_are_cached() THEN
        PERFORM eventstore.refuse_position(floor);
    END IF;
END
$$
