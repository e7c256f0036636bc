-- Return the events of these types and categories (NULL means any) above p_after and up to p_until,
-- in the order of their positions.
--
-- For rare types, the plan uses event_filter_brin, which knows which types are not in each 128
-- pages. For rare categories, it uses the names of streams: '.' is the character after '-'. For
-- frequent types and categories, a scan by position fills a page quickly. Only a plan for the given
-- arguments can choose between them, so EXECUTE makes a plan for each call.
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
