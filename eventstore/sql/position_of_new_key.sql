-- Return the highest drawn position, for a new key of this subject. The function waits for a
-- running erasure of the subject, and an erasure that begins now waits for the key. So either an
-- erasure sees the key, or the key is created after the erasure's position was drawn.
CREATE OR REPLACE FUNCTION eventstore.position_of_new_key(p_subject text) RETURNS bigint
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(7005, hashtext(p_subject));
    RETURN eventstore.drawn_position();
END
$$
