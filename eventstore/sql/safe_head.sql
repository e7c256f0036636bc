-- Return the safe head: no new event can appear at or below this position.
--
-- The order of the steps makes this correct. An append (1) reads the sequence, (2) takes a shared
-- lock whose key holds the position that it read, (3) draws its positions, and (4) holds the lock
-- until it is visible, because PostgreSQL releases locks after it publishes a commit. This function
-- reads the sequence before the locks. So an append without a visible lock is either visible to the
-- next snapshot, or draws positions above the one read here. An append with a visible lock draws
-- positions above the floor that it announced. A rolled-back append announces nothing.
--
-- The result may be lower than an earlier one, if an append was slow between (1) and (2). It is
-- never too high. The function raises where the head cannot be known: in a transaction that keeps its
-- snapshot (the next statement must see all safe events), and when the sequence is behind the log.
--
-- A standby has no advisory locks, and its sequences run ahead of its tables. There the head is the
-- one that the leader last announced (see announce_head.sql).
CREATE OR REPLACE FUNCTION eventstore.safe_head() RETURNS bigint
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    drawn bigint;
    is_behind_the_log boolean;
    announced bigint;
BEGIN
    IF current_setting('transaction_isolation') IN ('repeatable read', 'serializable') THEN
        RAISE EXCEPTION 'a % transaction cannot read up to the safe head',
                        current_setting('transaction_isolation')
            USING ERRCODE = 'WB002',
                  DETAIL = 'Its snapshot may be older than events below the head.',
                  HINT = 'Read the head in a READ COMMITTED transaction.';
    END IF;
    IF pg_is_in_recovery() THEN
        RETURN coalesce((SELECT position FROM eventstore.announced_head), 0);
    END IF;

    -- One statement reads both, and its snapshot is older than its read of the sequence. So every
    -- event that it sees was drawn before that read.
    SELECT sequence.drawn, (SELECT max(e.position) FROM eventstore.event AS e
                            WHERE e.position > sequence.drawn) IS NOT NULL
    INTO drawn, is_behind_the_log
    FROM (SELECT eventstore.drawn_position() AS drawn OFFSET 0) AS sequence;

    IF is_behind_the_log OR eventstore.positions_are_cached() THEN
        PERFORM eventstore.refuse_position(drawn);
    END IF;

    SELECT min(floor) INTO announced FROM eventstore.announced_appends;

    RETURN least(drawn, announced);  -- least() ignores a NULL
END
$$
