-- Whether a failover or a restore has lost a position that a follower had reached: it lies above all
-- that the log has drawn (the safe head may be lower for a moment), or other events have come in the
-- place of the follower's last one. `p_event_id` is the newest event as it was then, NULL if unknown.
CREATE OR REPLACE FUNCTION eventstore.is_lost(p_position bigint, p_event_id uuid) RETURNS boolean
LANGUAGE sql VOLATILE
RETURN p_position > eventstore.drawn_position()
    OR p_event_id IS NOT NULL
       AND p_event_id IS DISTINCT FROM eventstore.newest_event(p_position)
