-- For how many seconds the append that holds the safe head back has been under way; 0 for none.
CREATE OR REPLACE FUNCTION eventstore.safe_head_age() RETURNS double precision
LANGUAGE sql VOLATILE AS $$
    SELECT coalesce(extract(epoch FROM clock_timestamp() - min(activity.xact_start)), 0)
    FROM eventstore.announced_appends
    JOIN pg_stat_activity AS activity USING (pid)
$$
