-- index_state: whether a model's index is usable, null where there is none; whether the model has
-- vectors.
SELECT
    (SELECT x.indisvalid FROM pg_index AS x WHERE x.indexrelid = to_regclass(%(index)s)) AS valid,
    EXISTS (SELECT FROM embeddings AS e WHERE e.model_id = %(model_id)s) AS filled
