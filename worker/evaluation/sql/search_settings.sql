-- search_settings: the index's settings of nearest_items, and no way around the index.
SELECT
    set_config('hnsw.iterative_scan', 'strict_order', true),
    set_config('hnsw.ef_search', index_effort(%(k)s)::text, true),
    set_config('hnsw.max_scan_tuples', '20000', true),
    set_config('enable_sort', 'off', true),
    set_config('enable_seqscan', 'off', true)
