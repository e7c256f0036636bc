-- The advisory lock key by which an append announces that every position it will draw lies above
-- `floor`. Bit 62 sets these keys apart from any other advisory lock with a bigint key.
CREATE OR REPLACE FUNCTION eventstore.announcement(floor bigint) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (1::bigint << 62) | floor
