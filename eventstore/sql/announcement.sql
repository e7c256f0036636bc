-- The advisory lock key by which an append announces that every position it will draw lies above
-- `floor`. Bit 62 sets these keys apart from any other advisory lock with a bigint key. Raises for
-- NULL, whose lock would silently not be taken.
CREATE OR REPLACE FUNCTION eventstore.announcement(floor bigint) RETURNS bigint
LANGUAGE sql VOLATILE
RETURN CASE WHEN floor >= 0 THEN (1::bigint << 62) | floor
            ELSE eventstore.refuse_position(floor) END
