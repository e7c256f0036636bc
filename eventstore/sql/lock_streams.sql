-- Lock these streams until the transaction ends, and return their events as load_streams() does.
--
-- The locks are those of append(), taken in the same order. So the caller decides on the newest
-- state, no other append changes it before the caller's own, and two callers cannot deadlock. The
-- statement after the locks has a snapshot of its own, which shows what the writer before committed.
CREATE OR REPLACE FUNCTION eventstore.lock_streams(
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
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(7002, key)
    FROM (SELECT DISTINCT hashtext(name) AS key FROM unnest(p_names) AS name ORDER BY key) AS keys;

    RETURN QUERY SELECT * FROM eventstore.load_streams(p_names, p_schemas, p_versions, p_ids);
END
$$
