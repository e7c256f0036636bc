-- Raise an error with the reason why `floor` cannot be announced. This function never returns.
CREATE OR REPLACE FUNCTION eventstore.refuse_position(floor bigint) RETURNS bigint
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    sequence CONSTANT regclass := 'eventstore.event_position'::regclass;
    reason text;
    remedy text := format('Stop all writers and readers, then run: SELECT setval(%L, '
        '(SELECT coalesce(max(position), 0) FROM eventstore.event))', sequence);
BEGIN
    IF NOT has_sequence_privilege(sequence, 'USAGE, SELECT') THEN
        reason := format('role %I may not read it', current_user);
        remedy := format('Run: GRANT USAGE, SELECT ON SEQUENCE %s TO %I', sequence, current_user);
    ELSIF eventstore.positions_are_cached() THEN
        reason := 'with CACHE above 1, sessions draw out of order';
        remedy := format('Run: ALTER SEQUENCE %s CACHE 1', sequence);
    ELSIF pg_sequence_last_value(sequence) IS NULL THEN
        reason := 'it was restarted, and its last position is lost';
    ELSE
        reason := format('it was set back or draws downwards, and stands at %s',
                         coalesce(floor::text, 'NULL'));
    END IF;
    RAISE EXCEPTION 'positions cannot be drawn safely from the sequence %: %', sequence, reason
        USING ERRCODE = 'WB001', HINT = remedy;
END
$$
