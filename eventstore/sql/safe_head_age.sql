-- Return the seconds for which the append that holds the safe head back has run. The result is 0 if
-- no append holds it, and NULL if the time cannot be read (see held_floors.sql). A process that
-- polls knows a better value: queries/log.py.
CREATE OR REPLACE FUNCTION eventstore.safe_head_age() RETURNS double precision
LANGUAGE sql VOLATILE AS $$
    SELECT CASE WHEN count(*) = 0 THEN 0 ELSE max(seconds) END FROM eventstore.held_floors
$$
