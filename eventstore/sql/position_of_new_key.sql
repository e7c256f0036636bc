-- The highest position drawn so far, for a key that is about to be made for this subject. An erasure
-- of the subject that has not ended is waited for, and one that begins now waits for the key: so a
-- key is either seen by an erasure, or made after its position was drawn.
CREATE OR REPLACE FUNCTION eventstore.position_of_new_key(p_subject text) RETURNS bigint
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(7005, hashtext(p_subject));
    RETURN eventstore.drawn_position();
END
$$
