-- index_progress: how far the build has come; tuples in the graph, of those in the table.
SELECT p.tuples_done, greatest(c.reltuples, p.tuples_total)::bigint
FROM pg_stat_progress_create_index AS p
JOIN pg_class AS c ON c.oid = p.relid
WHERE c.oid = to_regclass(%(partition)s)
