-- The appends that are under way: the floor each has announced, and the backend that runs it.
CREATE OR REPLACE VIEW eventstore.announced_appends AS
SELECT (classid::bigint << 32 | objid::bigint) - eventstore.announcement(0) AS floor, pid
FROM pg_locks
WHERE locktype = 'advisory'
  AND objsubid = 1  -- a bigint key
  AND (classid::bigint >> 30) = 1  -- bit 62 of the key, and not its sign
  AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
