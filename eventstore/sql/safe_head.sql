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
-- Raises where it cannot be known: on a standby, in a transaction that keeps its snapshot (what is
-- safe has to be visible to the next statement), and when the sequence stands behind the log.
CREATE OR REPLACE FUNCTION eventstore.safe_head() RETURNS bigint
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    drawn bigint;
    is_behind_the_log boolean;
    announced bigint;
BEGIN
    IF pg_is_in_recovery() THEN
        RAISE EXCEPTION 'a standby cannot know the safe head'
            USING ERRCODE = 'WB002',
                  DETAIL = 'It has no advisory locks, and its sequences run ahead of its tables.',
                  HINT = 'Read the head from the primary.';
    END IF;
    IF current_setting('transaction_isolation') IN ('repeatable read', 'serializable') THEN
        RAISE EXCEPTION 'a % transaction cannot read up to the safe head',
                        current_setting('transaction_isolation')
            USING ERRCODE = 'WB002',
                  DETAIL = 'Its snapshot may be older than events below the head.',
                  HINT = 'Read the head in a READ COMMITTED transaction.';
    END IF;

    -- In one statement, whose snapshot is older than what it reads from the sequence: each event
    -- that it sees was drawn before.
    SELECT sequence.drawn, (SELECT max(e.position) FROM eventstore.event AS e
                            WHERE e.position > sequence.drawn) IS NOT NULL
    INTO drawn, is_behind_the_log
    FROM (SELECT eventstore.drawn_position() AS drawn OFFSET 0) AS sequence;

    IF is_behind_the_log OR eventstore.positions_are_cached() THEN
        PERFORM eventstore.refuse_position(drawn);
    END IF;

    SELECT min(floor) INTO announced FROM eventstore.announced_appends;

    RETURN least(drawn, announced);  -- least() passes over a NULL
END
$$
