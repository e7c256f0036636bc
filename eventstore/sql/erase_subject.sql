-- Erase the key of a subject if it is older than the subject's erasure at this position.
--
-- A key stores the highest position that was drawn when it was created, and the erasure has a
-- position. A key with a lower position is older than the erasure. It is erased, even if it was
-- restored from a backup. A key with an equal or higher position belongs to a customer who has
-- returned since, so a replayed erasure keeps it. The comparison uses no clock.
CREATE OR REPLACE FUNCTION eventstore.erase_subject(p_subject text, p_erased_at bigint) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    -- This waits for a key that is being created, and then sees it: statements.py.
    PERFORM pg_advisory_xact_lock(7005, hashtext(p_subject));

    DELETE FROM eventstore.subject_key WHERE subject = p_subject AND made_after < p_erased_at;

    IF EXISTS (SELECT FROM eventstore.subject_key
               WHERE subject = p_subject
                 AND (made_after < p_erased_at OR made_after > eventstore.drawn_position())) THEN
        RAISE EXCEPTION 'the key of an erased subject is still there: nothing was erased'
            USING HINT = 'A key above the log comes from a later backup than the log: set '
                         'made_after of eventstore.subject_key to 0, and erase again.';
    END IF;
END
$$
