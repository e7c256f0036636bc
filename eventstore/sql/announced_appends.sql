-- List the running appends, each with the floor that it announced and its backend. A prepared
-- transaction has no backend: `pid` is NULL, and `virtualtransaction` identifies it.
CREATE OR REPLACE VIEW eventstore.announced_appends AS
SELECT (classid::bigint << 32 | objid::bigint) - eventstore.announcement(0) AS floor, pid,
       virtualtransaction
FROM pg_locks
WHERE locktype = 'advisory'
  AND objsubid = 1  -- a bigint key
  AND (classid::bigint >> 30) = 1  -- bit 62 of the key, without its sign
  AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
