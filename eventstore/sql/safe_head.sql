-- The position at and below which no event can appear any more.
--
-- Sound because of the order of things. An append (1) reads the sequence, (2) takes a shared lock
-- that carries what it read, (3) only then draws positions, and (4) holds the lock until it is
-- visible, since PostgreSQL releases locks after it publishes a commit. Here the sequence is read
-- before the locks. So an append that we do not see among the locks either is visible to the next
-- snapshot or will draw positions above what we read, and one that we do see draws above the floor
-- it announced. Positions of a rolled-back append are simply announced by nobody.
--
-- It may be read lower than before, when an append was slow between (1) and (2); never too high.
-- Ask the primary, and not inside a REPEATABLE READ transaction: what is safe has to be visible.
CREATE OR REPLACE FUNCTION eventstore.safe_head() RETURNS bigint
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    drawn bigint;
    announced bigint;
BEGIN
    SELECT last_value INTO drawn FROM eventstore.event_position;

    SELECT min(floor) INTO announced FROM eventstore.announced_appends;

    RETURN least(drawn, announced);  -- least() passes over a NULL
END
$$
