-- For how many seconds the append that holds the safe head back has been under way: 0 when none
-- does, NULL when that cannot be read (see held_floors.sql). A process that asks again and again
-- knows more: queries/log.py.
CREATE OR REPLACE FUNCTION eventstore.safe_head_age() RETURNS double precision
LANGUAGE sql VOLATILE AS $$
    SELECT CASE WHEN count(*) = 0 THEN 0 ELSE max(seconds) END FROM eventstore.held_floors
$$
