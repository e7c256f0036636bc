-- Notify listeners when the safe head has passed `last`, write the head for readers on a standby, and
-- return it. Only the leader calls this, because a NOTIFY takes a lock that would serialize the
-- commits of appends.
--
-- The row in announced_head is safe for a reader on a standby. An append below the head was visible
-- before the head was computed, and PostgreSQL writes a commit to the WAL before it makes it visible.
-- So the WAL holds the commits of all events below the head before the commit of the row. A standby
-- replays the WAL in its order: where it shows the row, it shows those events too. The same order
-- makes the row safe after a crash and after a failover: with the row, the database has its events,
-- and the sequence has drawn their positions.
CREATE OR REPLACE FUNCTION eventstore.announce_head(last bigint) RETURNS bigint
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    head bigint;
BEGIN
    IF pg_is_in_recovery() THEN
        RAISE EXCEPTION 'a standby cannot announce the safe head'
            USING ERRCODE = 'WB002',
                  DETAIL = 'It has no advisory locks, and its sequences run ahead of its tables.',
                  HINT = 'Announce the head on the primary.';
    END IF;

    -- The head is at most the last position drawn, so without appends nothing else is read.
    IF eventstore.drawn_position() <= last
       AND last <= (SELECT position FROM eventstore.announced_head) THEN
        RETURN last;
    END IF;

    head := greatest(eventstore.safe_head(), last);
    IF head > last THEN
        PERFORM pg_notify('waybill_head', head::text);
    END IF;

    -- At most once in 50 ms, which bounds the WAL. A later call writes the head that this one leaves
    -- out. A time in the future comes from a clock that was set back.
    UPDATE eventstore.announced_head AS announced
    SET position = head, announced_at = clock_timestamp()
    WHERE announced.position < head
      AND announced.announced_at
          NOT BETWEEN clock_timestamp() - interval '50 ms' AND clock_timestamp();
    RETURN head;
END
$$
