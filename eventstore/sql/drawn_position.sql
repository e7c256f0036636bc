-- Return the last drawn position. An append announces it, and the safe head starts from it.
--
-- `SELECT last_value` is a torn read: see docs/decisions/0004-safe-head.md. pg_sequence_last_value()
-- reads under the lock, but returns NULL if it cannot read. This function raises instead, because
-- PostgreSQL silently takes no advisory lock on a NULL key.
CREATE OR REPLACE FUNCTION eventstore.drawn_position() RETURNS bigint
LANGUAGE sql VOLATILE
RETURN coalesce(pg_sequence_last_value('eventstore.event_position'::regclass),
                eventstore.refuse_position(NULL))
