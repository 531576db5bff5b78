-- index_state: whether a model's index is there and usable; no row where there is none.
SELECT x.indisvalid
FROM pg_index AS x
WHERE x.indexrelid = to_regclass(%(index)s)
