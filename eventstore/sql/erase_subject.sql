-- Erase the key of a subject whose erasure is recorded at this position, if it was made before that.
--
-- A key knows the highest position that was drawn when it was made, and the erasure has a position
-- of its own. A lower one was made before the erasure and is erased, also when it came back from a
-- backup. An equal or higher one belongs to a customer who has come back since: an old erasure that
-- is replayed spares it. No clock takes part in it.
CREATE OR REPLACE FUNCTION eventstore.erase_subject(p_subject text, p_erased_at bigint) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    -- A key that is being made at this moment is waited for, and then seen: statements.py.
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
