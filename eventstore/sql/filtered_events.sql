-- The events of these types and categories (NULL: of any) above p_after, up to p_until, in order.
--
-- Rare ones are found by event_filter_brin, which says of each 128 pages which types and categories
-- are not in them; of frequent ones a page is full soon, by position. Only a plan for these very
-- arguments can tell the two apart, so none is kept for the next call.
CREATE OR REPLACE FUNCTION eventstore.filtered_events(
    p_after bigint,
    p_until bigint,
    p_limit bigint,
    p_types text[],
    p_categories text[]
)
RETURNS SETOF eventstore.event
LANGUAGE plpgsql STABLE
SET plan_cache_mode = force_custom_plan
AS $$
BEGIN
    RETURN QUERY
    SELECT *
    FROM eventstore.event
    WHERE position > p_after AND position <= p_until
      AND (p_types IS NULL OR type = ANY (p_types))
      AND (p_categories IS NULL OR split_part(stream_id, '-', 1) = ANY (p_categories))
    ORDER BY position
    LIMIT p_limit;
END
$$
