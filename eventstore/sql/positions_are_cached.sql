-- Whether the sequence has CACHE above 1: each session then draws from a range of its own, and may
-- draw below what another has announced.
--
-- Ask after the sequence was read or drawn from: that locks it against ALTER SEQUENCE until the
-- transaction ends. Inlined into the plan of its caller, as is drawn_position().
CREATE OR REPLACE FUNCTION eventstore.positions_are_cached() RETURNS boolean
LANGUAGE sql STABLE
RETURN (pg_sequence_parameters('eventstore.event_position'::regclass)).cache_size > 1
