-- Return true if a failover or a restore has lost a position that a follower had reached. Then the
-- position lies above every drawn position (the safe head may be lower for a moment), or another
-- event has replaced the follower's last one. `p_event_id` is the event that was the newest at that
-- time, NULL if unknown.
CREATE OR REPLACE FUNCTION eventstore.is_lost(p_position bigint, p_event_id uuid) RETURNS boolean
LANGUAGE sql VOLATILE
RETURN p_position > eventstore.drawn_position()
    OR p_event_id IS NOT NULL
       AND p_event_id IS DISTINCT FROM eventstore.newest_event(p_position)
