-- The events of these types and categories (NULL: of any) above p_after, up to p_until, in order.
--
-- Rare types are found by event_filter_brin, which says of each 128 pages which types are not in
-- them, and rare categories by the names of their streams: '.' comes next after '-'. Of frequent
-- ones a page is full soon, by position. Only a plan for these very arguments can tell the two
-- apart: EXECUTE makes one for each call.
CREATE OR REPLACE FUNCTION eventstore.filtered_events(
    p_after bigint,
    p_until bigint,
    p_limit bigint,
    p_types text[],
    p_categories text[]
)
RETURNS SETOF eventstore.event
LANGUAGE plpgsql STABLE AS $$
DECLARE
    is_in_categories text := 'true';
BEGIN
    IF p_categories IS NOT NULL THEN
        SELECT coalesce(string_agg(format('stream_id >= %L AND stream_id < %L',
                                          category || '-', category || '.'), ' OR '), 'false')
        INTO is_in_categories
        FROM unnest(p_categories) AS category
        WHERE strpos(category, '-') = 0;  -- no category has a dash
    END IF;
    RETURN QUERY EXECUTE format(
        'SELECT * FROM eventstore.event'
        ' WHERE position > $1 AND position <= $2 AND ($4 IS NULL OR type = ANY ($4)) AND (%s)'
        ' ORDER BY position LIMIT $3', is_in_categories)
    USING p_after, p_until, p_limit, p_types;
END
$$
