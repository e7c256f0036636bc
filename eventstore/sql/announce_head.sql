-- Notify listeners when the safe head has passed `last`, and return the head.
-- Only the leader calls this, because a NOTIFY takes a lock that would serialize the commits of
-- appends.
CREATE OR REPLACE FUNCTION eventstore.announce_head(last bigint) RETURNS bigint
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    head bigint;
BEGIN
    -- The head is at most the last position drawn, so without appends nothing else is read.
    IF eventstore.drawn_position() <= last THEN
        RETURN last;
    END IF;

    head := eventstore.safe_head();
    IF head > last THEN
        PERFORM pg_notify('waybill_head', head::text);
    END IF;
    RETURN greatest(head, last);
END
$$
