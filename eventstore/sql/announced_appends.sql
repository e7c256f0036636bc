-- The appends that are under way: the floor each has announced, and who runs it. A transaction that
-- was prepared has no backend: `pid` is NULL, and `virtualtransaction` names it.
CREATE OR REPLACE VIEW eventstore.announced_appends AS
SELECT (classid::bigint << 32 | objid::bigint) - eventstore.announcement(0) AS floor, pid,
       virtualtransaction
FROM pg_locks
WHERE locktype = 'advisory'
  AND objsubid = 1  -- a bigint key
  AND (classid::bigint >> 30) = 1  -- bit 62 of the key, and not its sign
  AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
