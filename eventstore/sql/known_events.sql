-- What the log holds of the events with these ids, in the order asked.
-- `known` counts ids that exist at all, `same` those that stand in the same stream with the same
-- type: only when all of them do is a repeated append the same append.
CREATE OR REPLACE FUNCTION eventstore.known_events(
    p_streams text[],       -- of each event
    p_ids uuid[],
    p_types text[],
    OUT known bigint,
    OUT same bigint,
    OUT versions bigint[],
    OUT positions bigint[],
    OUT recorded_at timestamptz
)
LANGUAGE sql STABLE AS $$
    SELECT count(e.event_id),
           count(e.event_id) FILTER (WHERE e.stream_id = asked.stream_id AND e.type = asked.type),
           array_agg(e.version ORDER BY asked.ordinality),
           array_agg(e.position ORDER BY asked.ordinality),
           max(e.recorded_at)
    FROM unnest(p_streams, p_ids, p_types) WITH ORDINALITY
         AS asked (stream_id, event_id, type, ordinality)
    LEFT JOIN eventstore.event e USING (event_id)
$$
