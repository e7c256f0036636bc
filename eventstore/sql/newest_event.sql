-- The newest event at or below a position; NULL when there is none. At or below the safe head it
-- never changes, unless the log loses it.
CREATE OR REPLACE FUNCTION eventstore.newest_event(p_position bigint) RETURNS uuid
LANGUAGE sql STABLE
RETURN (
    SELECT event_id FROM eventstore.event
    WHERE position <= p_position
    ORDER BY position DESC
    LIMIT 1
)
