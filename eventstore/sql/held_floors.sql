-- List the floors that hold the safe head back, with their holder and the seconds for which its
-- transaction has run. `seconds` is NULL if it cannot be read: for a role without
-- pg_read_all_stats, and for a session lock outside a transaction, which another program takes
-- with a colliding key. A prepared transaction is found by the lock on its own id.
CREATE OR REPLACE VIEW eventstore.held_floors AS
SELECT announced.floor,
       coalesce(announced.pid::text, announced.virtualtransaction) AS holder,
       extract(epoch FROM clock_timestamp() - coalesce(activity.xact_start, prepared.prepared))
           ::double precision AS seconds
FROM eventstore.announced_appends AS announced
LEFT JOIN pg_stat_activity AS activity USING (pid)
LEFT JOIN pg_locks AS own
    ON announced.pid IS NULL AND own.pid IS NULL AND own.locktype = 'transactionid'
    AND own.virtualtransaction = announced.virtualtransaction
LEFT JOIN pg_prepared_xacts AS prepared ON prepared.transaction = own.transactionid
