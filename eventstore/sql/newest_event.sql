-- Return the id of the newest event at or below a position, or NULL if there is none. At or below
-- the safe head it changes only if the log loses events.
CREATE OR REPLACE FUNCTION eventstore.newest_event(p_position bigint) RETURNS uuid
LANGUAGE sql STABLE
RETURN (
    SELECT event_id FROM eventstore.event
    WHERE position <= p_position
    ORDER BY position DESC
    LIMIT 1
)
