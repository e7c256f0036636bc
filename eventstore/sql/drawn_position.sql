-- The last position that was drawn. An append announces it, and the safe head begins with it.
--
-- `SELECT last_value` is a torn read: see docs/decisions/0004-safe-head.md. pg_sequence_last_value()
-- reads under the lock, but answers NULL where it cannot; this function raises instead, because an
-- advisory lock on a NULL key is silently not taken.
CREATE OR REPLACE FUNCTION eventstore.drawn_position() RETURNS bigint
LANGUAGE sql VOLATILE
RETURN coalesce(pg_sequence_last_value('eventstore.event_position'::regclass),
                eventstore.refuse_position(NULL))
