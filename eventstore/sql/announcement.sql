-- Return the advisory lock key by which an append announces that it will draw only positions above
-- `floor`. Bit 62 separates these keys from all other advisory locks with a bigint key. Raises for
-- NULL, because PostgreSQL silently takes no lock on a NULL key.
CREATE OR REPLACE FUNCTION eventstore.announcement(floor bigint) RETURNS bigint
LANGUAGE sql VOLATILE
RETURN CASE WHEN floor >= 0 THEN (1::bigint << 62) | floor
            ELSE eventstore.refuse_position(floor) END
