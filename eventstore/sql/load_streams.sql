-- Return the events of these streams, each stream in order, from the newest known state on.
--
-- The caller may know the state of a stream after an event: p_versions and p_ids name that event. If
-- it is in the stream, it is the first row. Otherwise the stream begins at its snapshot, if that has
-- the shape of p_schemas (NULL: no snapshot is wanted). Then the first row is the event that the
-- snapshot was taken after, and `state` holds its state there. A snapshot whose event is not in the
-- stream is ignored, because a restored log may have lost that event or hold another one at its
-- version.
--
-- OFFSET 0 keeps one index scan for each stream, whatever the planner knows about the streams.
CREATE OR REPLACE FUNCTION eventstore.load_streams(
    p_names text[], p_schemas text[], p_versions bigint[], p_ids uuid[]
)
RETURNS TABLE (
    "position" bigint,
    stream_id text,
    version bigint,
    event_id uuid,
    type text,
    schema_version smallint,
    data text,
    metadata text,
    recorded_at timestamptz,
    state text
)
LANGUAGE sql STABLE AS $$
SELECT e.position, e.stream_id, e.version, e.event_id, e.type, e.schema_version,
       e.data::text, e.metadata::text, e.recorded_at,
       CASE WHEN e.version = snapshot.version THEN snapshot.state::text END
FROM unnest(p_names, p_schemas, p_versions, p_ids) AS wanted (name, schema, version, event_id)
LEFT JOIN LATERAL (
    SELECT k.version
    FROM eventstore.event k
    WHERE k.stream_id = wanted.name AND k.version = wanted.version
      AND k.event_id = wanted.event_id
) AS known ON true
LEFT JOIN LATERAL (
    SELECT s.version, s.state
    FROM eventstore.snapshot s
    WHERE known.version IS NULL AND s.stream_id = wanted.name AND s.schema = wanted.schema
      AND s.event_id = (SELECT l.event_id FROM eventstore.event l
                        WHERE l.stream_id = s.stream_id AND l.version = s.version)
) AS snapshot ON true
CROSS JOIN LATERAL (
    SELECT *
    FROM eventstore.event
    WHERE stream_id = wanted.name AND version >= coalesce(known.version, snapshot.version, 1)
    ORDER BY version
    OFFSET 0
) AS e
$$
