-- The highest position that the log has drawn. No event lies above it, and a position above it was
-- read from a log that has lost its tail since: by a failover, or by a restore.
--
-- A crash or a restore may move this value up, by as many positions as nextval() logs in advance
-- (32), and those are never drawn again. So a position at or below it misses no event.
-- pg_sequence_last_value() reads under the buffer's lock: see docs/decisions/safe-head.md.
CREATE OR REPLACE FUNCTION eventstore.drawn_position() RETURNS bigint
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    drawn bigint := pg_sequence_last_value('eventstore.event_position'::regclass);
BEGIN
    IF drawn IS NULL THEN
        RAISE EXCEPTION 'eventstore.event_position has no value that % may read', current_user
            USING HINT = 'Grant USAGE on the sequence, or draw a position if it was restarted.';
    END IF;
    RETURN drawn;
END
$$
