-- Return true if the sequence has CACHE above 1. Then each session draws from a separate range, and
-- may draw a position below the floor that another session has announced.
--
-- Call this after the sequence was read or drawn from, because that locks it against ALTER SEQUENCE
-- until the transaction ends. PostgreSQL inlines it into the caller's plan, like drawn_position().
CREATE OR REPLACE FUNCTION eventstore.positions_are_cached() RETURNS boolean
LANGUAGE sql STABLE
RETURN (pg_sequence_parameters('eventstore.event_position'::regclass)).cache_size > 1
