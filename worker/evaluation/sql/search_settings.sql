-- search_settings: the index's settings of search_candidates, and no way around the index.
SELECT
    set_config('hnsw.iterative_scan', 'strict_order', true),
    set_config(
        'hnsw.ef_search',
        least(1000, greatest(
            coalesce(nullif(current_setting('lookalike.ef_search', true), ''), '30')::integer,
            %(k)s + 10
        ))::text,
        true
    ),
    set_config('hnsw.max_scan_tuples', '20000', true),
    set_config('enable_sort', 'off', true),
    set_config('enable_seqscan', 'off', true)
